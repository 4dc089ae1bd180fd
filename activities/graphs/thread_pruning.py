"""The history of a thread is forgotten: once, behind a fence, while no run of the thread executes."""

from __future__ import annotations

from dataclasses import dataclass

from ...checkpoints.contract import Guard
from ...checkpoints.pruning import needed
from ...contracts.errors import RunNotFoundError, ThreadNotFoundError
from ...contracts.wire_thread import ChangeStateInput, StateChanged, update_owner
from .back_ends import BackEnds


@dataclass(frozen=True, slots=True)
class Pruning:
    """A worker that wakes late removes nothing: what it was asked is gone, or its fence is."""

    ends: BackEnds

    async def prune(self, request: ChangeStateInput, *, fence: int) -> StateChanged:
        """Raises `ThreadNotFoundError`, and `RunNotFoundError` where it is not due (any more)."""
        update_id, checkpoints, threads = request.change.update_id, self.ends.checkpoints, self.ends.store.threads
        owner = update_owner(update_id)
        await checkpoints.take(owner, request.thread_id, fence=fence)
        try:
            await threads.get_update(update_id)
            if not await self.ends.has_thread(request.thread_id, request.change.user_id):
                raise ThreadNotFoundError(request.thread_id)
        except (RunNotFoundError, ThreadNotFoundError):
            await checkpoints.forget(owner)
            raise
        with self.ends.reached(f"the history of thread {request.thread_id!r} cannot be removed"):
            kept = await needed(checkpoints, request.thread_id)
            await checkpoints.prune_thread(Guard(owner, fence), request.thread_id, kept)
        await threads.add_metadata(request.thread_id, {})  # who keeps what was read of it sees that it has changed
        await threads.drop_update(update_id)
        await checkpoints.forget(owner)  # and with it the fence, so what is due has to be gone before
        return StateChanged(checkpoint_id="")
