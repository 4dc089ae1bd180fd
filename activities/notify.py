"""How a worker leaves the events of a run to Temporal, which has them delivered whatever becomes of the worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from ..contracts.wire import NOTIFY_WORKFLOW, SIGNAL_DELIVER, notify_workflow_id
from ..contracts.wire_notify import NotifyInput

_RPC_LIMIT = timedelta(seconds=10)
"""Without one, a call to a server that hangs would never come back."""


@dataclass(frozen=True, slots=True)
class NotifyWorkflows:
    """Starts notify workflows on a task queue."""

    client: Client
    task_queue: str
    installation: str | None = None

    async def __call__(self, run_id: str, required: Sequence[str], *, after: float) -> None:
        """Have the events of a run delivered in `after` seconds, or by the workflow that does so already.

        `required`: the names of observers that only a worker with these may deliver to. Raises `RPCError`.
        """
        while not (await self._started(run_id, required, after) or await self._asked_again(run_id)):
            pass  # it has ended between the two calls

    async def _started(self, run_id: str, required: Sequence[str], after: float) -> bool:
        """False when there is one. (A start with the signal would end the delay of one that still waits.)"""
        try:
            await self.client.start_workflow(
                NOTIFY_WORKFLOW,
                NotifyInput(installation=self.installation, run_id=run_id, required=list(required)),
                id=notify_workflow_id(run_id),
                task_queue=self.task_queue,
                start_delay=timedelta(seconds=after) if after else None,
                static_summary=f"tells the observers of run {run_id}",
                rpc_timeout=_RPC_LIMIT,
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def _asked_again(self, run_id: str) -> bool:
        """By the signal one that is about to end, and has not seen the newest event, looks again. False: it has ended.

        A signal that the server has taken is seen: with one unread, it lets no workflow end.
        """
        try:
            await self.client.get_workflow_handle(notify_workflow_id(run_id)).signal(
                SIGNAL_DELIVER, rpc_timeout=_RPC_LIMIT
            )
        except RPCError as exc:
            if exc.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return True
