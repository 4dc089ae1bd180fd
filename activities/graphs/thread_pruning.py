"""The history of a thread is forgotten: once, behind a fence, while no run of the thread executes."""

from __future__ import annotations

from dataclasses import dataclass

from ...checkpoints.contract import Guard
from ...checkpoints.pruning import needed
from ...contracts.errors import RunNotFoundError, ThreadNotFoundError, UnavailableError
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
            await self._check_thread(request)
        except (RunNotFoundError, ThreadNotFoundError):
            await checkpoints.forget(owner)
            raise
        await self._remove(Guard(owner, fence), request.thread_id)
        await threads.add_metadata(request.thread_id, {})  # who keeps what was read of it sees that it has changed
        await threads.drop_update(update_id)
        await checkpoints.forget(owner)  # and with it the fence, so what is due has to be gone before
        return StateChanged(checkpoint_id="")

    async def _check_thread(self, request: ChangeStateInput) -> None:
        """It may have been removed since its client has looked, and be another user's now."""
        thread = await self.ends.store.threads.get(request.thread_id)
        if thread is None or request.change.user_id not in (None, thread.user_id):
            raise ThreadNotFoundError(request.thread_id)

    async def _remove(self, guard: Guard, thread_id: str) -> None:
        checkpoints = self.ends.checkpoints
        try:
            await checkpoints.prune_thread(guard, thread_id, await needed(checkpoints, thread_id))
        except Exception as exc:
            if checkpoints.outage(exc):
                raise UnavailableError(f"the history of thread {thread_id!r} cannot be removed: {exc}") from exc
            raise
