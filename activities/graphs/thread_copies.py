"""A thread is copied where its checkpointer is, for a client that may have none."""

from __future__ import annotations

from dataclasses import dataclass

from ...contracts.wire_thread import StateAnswer, StateQuery
from .back_ends import BackEnds
from .thread_state import Snapshots


@dataclass(frozen=True, slots=True)
class ThreadCopies:
    """Copies checkpoints to a thread of which nobody knows yet. It may be repeated."""

    ends: BackEnds
    snapshots: Snapshots

    async def answer(self, query: StateQuery, copy_id: str) -> StateAnswer:
        """Copy, and keep the state of the copy for the client. Nothing is left of what fails."""
        answer = await self._copied(query, copy_id)
        if answer.failure is not None or answer.gone:
            await self.ends.checkpoints.delete_thread(copy_id)
        return answer

    async def _copied(self, query: StateQuery, copy_id: str) -> StateAnswer:
        with self.ends.reached(f"thread {query.thread_id!r} cannot be copied"):
            await self.ends.checkpoints.copy_thread(query.thread_id, copy_id)
        # After the copy: it may have been removed since its client has looked, and be another user's now.
        if not await self.ends.has_thread(query.thread_id, query.user_id):
            return StateAnswer(gone=True)
        answer = await self.snapshots.answer(query.model_copy(update={"thread_id": copy_id}))
        return answer.model_copy(update={"copied": True})
