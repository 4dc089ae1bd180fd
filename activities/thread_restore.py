"""What is done to a whole thread, while no run of it executes: it is put back, or removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..contracts.errors import RollbackError
from ..contracts.wire_ending import RestoreInput, RestoreResult
from ..contracts.wire_thread import DeleteThreadInput, DeletionAnswer
from ..store.contract import StoredRun
from .graphs.back_ends import BackEnds
from .graphs.run_config import thread_config

_PAGE = 500
"""Runs of one query: a thread may have had thousands, and the store is there for others, too."""


@dataclass(frozen=True, slots=True)
class Threads:
    """Every step may be repeated."""

    ends: BackEnds

    async def restore(self, request: RestoreInput, *, fence: int) -> RestoreResult:
        """Give the thread back as it was before the run; or say why it is left as it is."""
        try:
            await self.ends.checkpoints.restore(request.run_id, request.thread_id, fence=fence)
        except RollbackError as exc:
            return RestoreResult(restored=False, reason=str(exc))
        return RestoreResult(restored=True)

    async def delete(self, request: DeleteThreadInput) -> DeletionAnswer:
        """Remove streams, records and checkpoints. Runs that have been submitted meanwhile stay.

        The thread that was meant may be gone, and its id another user's.
        """
        if request.user_id is not None:
            thread = await self.ends.store.threads.get(request.thread_id)
            if thread is None or thread.user_id != request.user_id:
                return DeletionAnswer(existed=False)
        if request.unused_since is not None and await self._is_used(request.thread_id, request.unused_since):
            return DeletionAnswer(existed=False)
        ended = [run for run in await self._runs(request.thread_id) if _goes(run, request)]
        for run in ended:
            # The record last: as long as it is there, a repeated deletion finds the rest.
            await self.ends.bridge.cleanup(run.record.run_id)
            await self.ends.store.delete(run.record.run_id)
        state = await self.ends.checkpoints.saver.aget_tuple(thread_config(request.thread_id))
        await self.ends.checkpoints.delete_thread(request.thread_id)
        recorded = await self.ends.store.threads.delete(request.thread_id)
        return DeletionAnswer(existed=recorded or bool(ended) or state is not None)

    async def _is_used(self, thread_id: str, since: datetime) -> bool:
        """Whether a run of it is in flight, or it was used then or later. While it is looked at, nobody else may."""
        thread = await self.ends.store.threads.get(thread_id)
        if thread is not None and thread.updated_at >= since:
            return True
        if not all(run.record.status.terminal for run in await self._runs(thread_id)):
            return True
        head = await self.ends.checkpoints.saver.aget_tuple(thread_config(thread_id))  # a state is changed without runs
        return head is not None and datetime.fromisoformat(head.checkpoint["ts"]) >= since

    async def _runs(self, thread_id: str) -> list[StoredRun]:
        found: list[StoredRun] = []
        while True:
            before = found[-1].record.run_id if found else None
            page = await self.ends.store.list(thread_id, limit=_PAGE, before=before)
            found += page
            if len(page) < _PAGE:
                return found


def _goes(run: StoredRun, request: DeleteThreadInput) -> bool:
    return run.record.status.terminal or run.record.run_id in request.never_started
