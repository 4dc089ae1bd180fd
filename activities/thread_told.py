"""Telling a thread's workflow of the end of a run that is no child of its own."""

from __future__ import annotations

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ..contracts.wire import thread_workflow_id
from ..contracts.wire_thread import SIGNAL_RUN_ENDED


async def tell_thread(client: Client, thread_id: str, run_id: str) -> None:
    """That the run has ended and cleaned up. Idempotent.

    Raises `RPCError`: until the thread knows, nothing else goes on there, unless somebody asks for it.
    """
    try:
        await client.get_workflow_handle(thread_workflow_id(thread_id)).signal(SIGNAL_RUN_ENDED, run_id)
    except RPCError as exc:
        if exc.status is not RPCStatusCode.NOT_FOUND:  # it was ended from outside, or has looked for itself
            raise
