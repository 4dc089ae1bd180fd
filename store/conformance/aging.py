"""What a store promises of what has become old: it is found in pages, and events go before their runs do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ...contracts.types import RunStatus
from ..contract import RunEnding, Store
from ..event_contract import EventBatch, EventFilter
from .making import Draft
from .run_events import event
from .unended import ids

DONE = RunEnding(RunStatus.SUCCESS, 1)


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


async def seqs(store: Store, run_id: str) -> list[int]:
    return [found.seq for found in await store.events.list(EventFilter(run_id=run_id), limit=1000)]


class AgingPromises:
    """`ended`, `unused` and the removal of events."""

    async def test_pages_of_what_ended_before_then(self, store: Store, draft: Draft) -> None:
        for number in range(5):
            await draft(f"r{number}", "thread")
        for number in (0, 1, 3, 4):
            await store.finish(f"r{number}", DONE, fence=1)
        first = await store.ended(soon(), limit=2)
        await store.delete(first[-1].run_id)
        assert (ids(first), ids(await store.ended(soon(), after=first[-1]))) == (["r0", "r1"], ["r3", "r4"])
        assert await store.ended(datetime.now(UTC) - timedelta(hours=1)) == []

    async def test_events_go_some_at_a_time_and_no_seq_comes_again(self, store: Store, draft: Draft) -> None:
        for run_id in ("old", "going"):
            await draft(run_id, "thread")
        await store.mark_running("old", fence=1, attempt=1)
        batch = EventBatch([event(number, "x" * 10_000) for number in range(1, 8)])
        await store.events.write("old", batch, fence=1, attempt=1)
        await store.mark_running("going", fence=1, attempt=1)
        await store.finish("old", DONE, fence=1)
        before = [*await seqs(store, "old"), *await seqs(store, "going")]
        counts = [await store.events.drop("old", limit=4) for _ in range(5)]
        assert (sum(counts), max(counts), counts[-1]) == (len(before) - len(await seqs(store, "going")), 4, 0)
        assert await seqs(store, "old") == []
        assert await store.ended(soon(), with_events=True) == []
        assert ids(await store.ended(soon())) == ["old"]
        await store.finish("going", DONE, fence=1)
        assert max(await seqs(store, "going")) > max(before)

    @pytest.mark.parametrize("status", [None, RunStatus.AWAITING_INPUT])
    async def test_events_of_what_has_not_ended_stay(
        self, store: Store, draft: Draft, status: RunStatus | None
    ) -> None:
        await draft("run", "thread")
        await store.mark_running("run", fence=1, attempt=1)
        if status is not None:
            await store.mark_awaiting("run", fence=1, steps=1, interrupts=[], values=b"{}")
        kept = await seqs(store, "run")
        assert await store.events.drop("run") == 0
        assert (await seqs(store, "run"), await store.ended(soon())) == (kept, [])

    async def test_threads_without_a_run_in_flight_are_unused(self, store: Store, draft: Draft) -> None:
        for number in range(4):
            await draft(f"r{number}", f"t{number}")
            await store.mark_submitted(f"r{number}")
        for run_id in ("r0", "r1", "r3"):
            await store.finish(run_id, DONE, fence=1)
        await draft("next", "t1")
        first = await store.threads.unused(soon(), limit=1)
        assert [found.thread_id for found in first] == ["t0"]
        assert [found.thread_id for found in await store.threads.unused(soon(), after=first[0])] == ["t3"]
        assert await store.threads.unused(datetime.now(UTC) - timedelta(hours=1)) == []
