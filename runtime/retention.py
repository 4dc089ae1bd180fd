"""Removes what has become old: streams, events and records of runs that have ended, and threads that nobody uses.

- Each step is short: a page of records is read, and one stream, one run or some hundred events are removed at a time.
- Each may be done twice, by several processes at once. The record of a run goes last: what is cut off in between is
  found again.
- Nothing of a run that has not ended is touched: a run that has ended never goes on, and a thread is removed by its
  workflow, which admits its runs, and by nobody else.
- Orphans, of which the store has no record (any more), are removed on demand only: another installation in the same
  back ends has records of its own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from ..activities.graphs.run_config import thread_config
from ..bridge.contract import Bridge
from ..checkpoints.contract import Checkpoints, KnownRun
from ..contracts.closing import closing
from ..contracts.errors import RunNotFoundError
from ..contracts.retention_settings import RetentionSettings
from ..contracts.threads import ThreadRecord
from ..contracts.types import RunRecord
from ..contracts.wire_thread import update_of
from ..facade.planner import stateless_thread
from ..store.contract import Store

T = TypeVar("T")

RemoveThread = Callable[[str, datetime], Awaitable[bool]]
"""Removes a thread, unless it has a run in flight or was used then or later; whether it is gone, and was there."""


@dataclass(slots=True)
class Removed:
    """How many were removed, or would be."""

    streams: int = 0
    events: int = 0
    """Runs whose events went."""
    runs: int = 0
    threads: int = 0
    fences: int = 0
    """Of runs that had been deleted."""


class Retention:
    """Of one installation. A `dry` one counts, and removes nothing."""

    def __init__(
        self,
        keep: RetentionSettings,
        *,
        store: Store,
        bridge: Bridge,
        checkpoints: Checkpoints,
        remove_thread: RemoveThread,
        dry: bool = False,
    ) -> None:
        self._keep = keep
        self._store = store
        self._bridge = bridge
        self._checkpoints = checkpoints
        self._remove_thread = remove_thread
        self._dry = dry

    async def remove_old(self) -> Removed:
        """What is kept for the shortest time comes first, as a rule, so that a dry round counts the same."""
        keep, removed, now = self._keep, Removed(), datetime.now(UTC)
        if keep.streams is not None:
            removed.streams = await self._each(self._streams_of_ended(_ago(now, keep.streams)), self._bridge.cleanup)
        if keep.events is not None:
            ended = self._ended(_ago(now, keep.events), with_events=True)
            removed.events = await self._each(ended, self._drop_events)
        if keep.runs is not None:
            before = _ago(now, keep.runs)
            removed.runs = await self._each(self._ended(before), lambda run: self._remove_run(run, before))
        if keep.threads is not None:
            before = _ago(now, keep.threads)
            unused = self._unused_threads(before)
            removed.threads = await self._each(unused, lambda thread: self._remove_thread(thread.thread_id, before))
        return removed

    async def remove_orphans(self) -> Removed:
        """Streams, fences and states of which the store has no record."""
        removed = Removed(streams=await self._each(self._streams_without_record(), self._bridge.cleanup))
        threads, now = set[str](), datetime.now(UTC)
        async with closing(self._fences_without_record()) as found:
            async for run in found:
                if await self._is_recorded(run.thread_id):
                    removed.fences += await self._once(run.run_id, self._checkpoints.forget)
                elif run.thread_id not in threads:
                    threads.add(run.thread_id)
                    removed.threads += await self._once(run.thread_id, lambda id: self._remove_thread(id, now))
        return removed

    async def _each(self, found: AsyncGenerator[T], remove: Callable[[T], Awaitable[bool | None]]) -> int:
        async with closing(found):
            return sum([await self._once(one, remove) async for one in found])

    async def _once(self, one: T, remove: Callable[[T], Awaitable[bool | None]]) -> bool:
        return self._dry or await remove(one) is not False

    async def _streams_of_ended(self, before: datetime) -> AsyncGenerator[str]:
        async with closing(self._bridge.held()) as held:
            async for run_id in held:
                stored = await self._store.get(run_id)
                ended_at = None if stored is None else stored.record.ended_at
                if ended_at is not None and ended_at < before:
                    yield run_id

    async def _ended(self, before: datetime, *, with_events: bool = False) -> AsyncGenerator[RunRecord]:
        page = await self._store.ended(before, with_events=with_events)
        while page:
            for record in page:
                yield record
            page = await self._store.ended(before, with_events=with_events, after=page[-1])

    async def _unused_threads(self, before: datetime) -> AsyncGenerator[ThreadRecord]:
        page = await self._store.threads.unused(before)
        while page:
            for thread in page:
                yield thread
            page = await self._store.threads.unused(before, after=page[-1])

    async def _drop_events(self, run: RunRecord) -> bool:
        gone = False
        while await self._store.events.drop(run.run_id):
            gone = True
        return gone

    async def _remove_run(self, run: RunRecord, before: datetime) -> bool:
        """With its thread, if that was its own."""
        own = run.temporary and run.thread_id == stateless_thread(run.run_id)
        if own and await self._checkpoints.saver.aget_tuple(thread_config(run.thread_id)) is not None:
            return await self._remove_thread(run.thread_id, before)
        await self._drop_events(run)  # some at a time; with the record all would go at once
        await self._bridge.cleanup(run.run_id)
        await self._checkpoints.forget(run.run_id)
        gone = await self._store.delete(run.run_id)
        if own:
            await self._store.threads.delete(run.thread_id)
        return gone

    async def _streams_without_record(self) -> AsyncGenerator[str]:
        # A stream is made behind its record, so that no record means: not any more.
        async with closing(self._bridge.held()) as held:
            async for run_id in held:
                if await self._store.get(run_id) is None:
                    yield run_id

    async def _fences_without_record(self) -> AsyncGenerator[KnownRun]:
        page = await self._checkpoints.known()
        while page:
            for run in page:
                if await self._store.get(run.run_id) is None and not await self._is_update(run.run_id):
                    yield run
            page = await self._checkpoints.known(after=page[-1].run_id)

    async def _is_update(self, run_id: str) -> bool:
        """Whether it is a change of a state, which has a fence like a run, and may be under way."""
        if (update_id := update_of(run_id)) is None:
            return False
        try:
            await self._store.threads.get_update(update_id)
        except RunNotFoundError:
            return False
        return True

    async def _is_recorded(self, thread_id: str) -> bool:
        return await self._store.threads.get(thread_id) is not None or bool(await self._store.list(thread_id, limit=1))


def _ago(now: datetime, seconds: float) -> datetime:
    return now - timedelta(seconds=seconds)
