"""What a store promises when many write to one thread at the same time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from ...contracts.events import RunEvent
from ...contracts.threads import ThreadStatus
from ...contracts.types import RunStatus
from ..contract import RunEnding, Store
from ..event_contract import EventBatch, EventFilter, NewRunEvent
from .making import Draft, make_record, make_spec

_THREADS, _RUNS, _EVENTS = 15, 4, 3


async def _live(store: Store, thread_id: str, run_id: str) -> None:
    """Everything that a run writes."""
    await store.create(make_record(run_id, thread_id, metadata={run_id: 1}), make_spec())
    await store.mark_submitted(run_id)
    await store.mark_running(run_id, fence=1, attempt=1)
    for number in range(1, _EVENTS + 1):
        said = NewRunEvent(number, "custom_event", "trace", b'"said"', {}, None, datetime.now(UTC))
        await store.events.write(run_id, EventBatch([said]), fence=1, attempt=1)
    await store.finish(run_id, RunEnding(RunStatus.SUCCESS, steps=1), fence=1)


async def _events(store: Store, thread_id: str) -> list[RunEvent]:
    return [*await store.events.list(EventFilter(thread_id=thread_id))]


class AtOncePromises:
    """Runs of one thread that are written at once: nothing is lost, nothing fails, and the thread is right."""

    async def test_runs_of_a_thread_write_at_once(self, store: Store) -> None:
        lines = {f"line {thread}": [f"{run} of {thread}" for run in range(_RUNS)] for thread in range(_THREADS)}
        await asyncio.gather(*(_live(store, thread, run) for thread, runs in lines.items() for run in runs))
        for thread_id, runs in lines.items():
            events = await _events(store, thread_id)
            said = [event.run_id for event in events if event.event_type == "custom_event"]
            assert sorted(said) == sorted(runs * _EVENTS)
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            thread = await store.threads.get(thread_id)
            assert thread is not None
            assert (thread.status, set(thread.metadata)) == (ThreadStatus.IDLE, set(runs))

    async def test_a_draft_keeps_its_thread_while_another_is_discarded(self, store: Store, draft: Draft) -> None:
        for number in range(20):
            old = await draft(f"old-{number}", f"line {number}")
            new = make_record(f"new-{number}", f"line {number}", user_id="ann")
            discard = store.discard(old.run_id, taken_up=old.updated_at)
            await asyncio.gather(discard, store.create(new, make_spec()), return_exceptions=True)
            if await store.get(f"new-{number}") is not None:
                await store.mark_submitted(f"new-{number}")
                assert await store.threads.get(f"line {number}") is not None

    async def test_a_run_is_created_once(self, store: Store) -> None:
        calls = [store.create(make_record("run"), make_spec()) for _ in range(8)]
        assert sorted(created for _, created in await asyncio.gather(*calls)) == [False] * 7 + [True]

    async def test_an_event_of_an_observer_is_marked_once(self, store: Store, draft: Draft) -> None:
        await draft()
        await store.mark_running("run", fence=1, attempt=1)
        calls = [store.lifecycle.mark_delivered("run", "observer", 1, after=0) for _ in range(8)]
        assert sum(await asyncio.gather(*calls)) == 1

    async def test_one_holder_has_a_lease(self, store: Store) -> None:
        taken = await asyncio.gather(*(store.lease("housekeeping", f"worker-{number}", 60) for number in range(8)))
        assert sum(taken) == 1

    async def test_an_answer_is_taken_by_one(self, store: Store) -> None:
        await store.threads.put_answer("read", b"{}")
        taken = await asyncio.gather(*(store.threads.take_answer("read") for _ in range(8)))
        assert sorted(taken, key=bool) == [None] * 7 + [b"{}"]
