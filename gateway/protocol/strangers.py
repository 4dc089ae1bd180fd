"""Threads of others. One that is not there yet may be made by a command, so both are told apart."""

from __future__ import annotations

from ...contracts.actor import bind_actor
from ...facade.runs import RunsFacade


async def is_anothers(runs: RunsFacade, thread_id: str) -> bool:
    """Whether the thread is there, and not for who calls."""
    if await runs.get_thread(thread_id) is not None:
        return False
    with bind_actor(None):
        return await runs.get_thread(thread_id) is not None
