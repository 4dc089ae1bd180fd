"""Threads and their states, read for an answer."""

from __future__ import annotations

from ..contracts.threads import ThreadDetails, ThreadSnapshot
from ..facade.runs import RunsFacade
from .errors import refuse


async def existing(runs: RunsFacade, thread_id: str) -> ThreadDetails:
    """The thread. Raises 404."""
    found = await runs.get_thread_details(thread_id)
    if found is None:
        raise refuse(404, f"Thread with ID {thread_id} not found")
    return found


async def shown(runs: RunsFacade, thread_id: str, checkpoint_id: str | None = None) -> ThreadSnapshot | None:
    """Its state; `None` where there is none. Raises 404 for the thread."""
    thread = await existing(runs, thread_id)
    return None if thread.assistant_id is None else await runs.get_state(thread_id, checkpoint_id)
