"""Checkpoints in memory, for tests and notebooks: gone with the process."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.memory import InMemorySaver

from ...contracts.errors import FencedError
from ...contracts.serialization.serde import Serializer
from ..addresses import checkpoint_address
from ..contract import GONE, Checkpoints, Guard, KnownRun, Place, RunNote
from . import rollback, thread_copy


@dataclass(slots=True)
class _Run:
    thread_id: str
    fence: int
    note: RunNote | None = None
    dropped: bool = False
    """It has ended while it had marks: without them nothing tells any more what it has changed."""


class MemoryCheckpoints(Checkpoints):
    """`InMemorySaver`, fenced. Its writes never wait, so a fence that holds before one holds during it."""

    def __init__(self) -> None:
        self._saver = InMemorySaver(serde=Serializer(refuses=False))
        self._runs: dict[str, _Run] = {}
        self._marks: rollback.Marks = {}

    @property
    def saver(self) -> InMemorySaver:
        return self._saver

    async def start(self) -> None:
        return None

    async def close(self) -> None:
        return None

    async def take(self, run_id: str, thread_id: str, *, fence: int) -> None:
        run = self._runs.setdefault(run_id, _Run(thread_id, fence))
        self._check(run_id, fence, run.fence)
        run.fence = fence

    async def check(self, run_id: str, *, fence: int) -> None:
        run = self._runs.get(run_id)
        self._check(run_id, fence, run.fence if run else GONE)

    async def put(
        self,
        guard: Guard,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> None:
        await self._pass(guard, checkpoint_address(config, checkpoint["id"]))
        await self._saver.aput(config, checkpoint, metadata, new_versions)

    async def put_writes(
        self, guard: Guard, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str
    ) -> None:
        await self._pass(guard, checkpoint_address(config))
        await self._saver.aput_writes(config, writes, task_id, task_path)

    async def _pass(self, guard: Guard, address: tuple[str, str, str]) -> None:
        await self.check(guard.run_id, fence=guard.fence)
        if guard.keep:
            rollback.keep(self._saver, self._marks, guard.run_id, address)

    async def note(self, run_id: str, note: RunNote | None = None) -> RunNote | None:
        run = self._runs.get(run_id)
        if run is None:
            return None
        if not run.dropped:
            run.note = run.note or note
        return run.note

    async def restore(self, run_id: str, thread_id: str, *, fence: int) -> None:
        run = self._runs.get(run_id, _Run(thread_id, fence))
        self._check(run_id, fence, run.fence)
        rollback.restore(self._saver, self._marks, run_id, thread_id, run.note, dropped=run.dropped)
        await self.take(run_id, thread_id, fence=fence)

    async def settle(self, run_id: str) -> None:
        marks = self._marks.pop(run_id, None)
        if run := self._runs.get(run_id):
            run.note = None
            run.dropped = run.dropped or bool(marks)

    async def delete_thread(self, thread_id: str) -> None:
        rollback.delete_thread(self._saver, self._marks, thread_id)
        for run_id in [run_id for run_id, run in self._runs.items() if run.thread_id == thread_id]:
            del self._runs[run_id]

    async def copy_thread(self, thread_id: str, copy_id: str) -> None:
        thread_copy.copy_thread(self._saver, thread_id, copy_id)

    async def newest(self, thread_id: str) -> list[Place]:
        spaces = self._saver.storage.get(thread_id, {})
        return [(namespace, max(saved)) for namespace, saved in spaces.items() if saved]

    async def prune_thread(self, guard: Guard, thread_id: str, kept: Collection[Place]) -> None:
        await self.check(guard.run_id, fence=guard.fence)
        rollback.keep_only(self._saver, thread_id, kept)

    def outage(self, error: BaseException) -> bool:
        return False

    async def forget(self, run_id: str) -> None:
        self._runs.pop(run_id, None)
        self._marks.pop(run_id, None)

    async def known(self, *, after: str = "", limit: int = 500) -> list[KnownRun]:
        found = sorted(run_id for run_id in self._runs if run_id > after)
        return [KnownRun(run_id, self._runs[run_id].thread_id) for run_id in found[:limit]]

    def _check(self, run_id: str, fence: int, current: int) -> None:
        if fence < current:
            raise FencedError(run_id, fence, current)
