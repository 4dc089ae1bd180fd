"""The lifecycle events of a run: written with its record, told once for each change, read by each observer in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from perdure.contracts.errors import FencedError, UnavailableError
from perdure.contracts.lifecycle import RunLifecycleEvent
from perdure.contracts.types import CancelAction, RunError, RunInterrupt, RunRecord, RunSpec, RunStatus
from perdure.store import RunEnding, SqlStore

Draft = Callable[..., Awaitable[RunRecord]]
Make = Callable[..., RunRecord]
QUESTION = RunInterrupt(id="q", value={"why": "?"}, namespace=("a",))
SUCCESS = RunEnding(RunStatus.SUCCESS, steps=3, values=b"{}")


@pytest.fixture(autouse=True)
async def drafted(draft: Draft) -> None:
    await draft()


async def all_of(store: SqlStore, run_id: str = "run") -> list[RunLifecycleEvent]:
    return [*(await store.lifecycle.undelivered(run_id, "somebody")).events]


async def told(store: SqlStore) -> list[RunLifecycleEvent]:
    """What is told of the run itself."""
    return [event for event in await all_of(store) if event.event_type != "thread_status_updated"]


async def types(store: SqlStore) -> list[str]:
    return [event.event_type for event in await told(store)]


async def ask(store: SqlStore, fence: int, steps: int = 1) -> None:
    await store.mark_awaiting("run", fence=fence, steps=steps, interrupts=[QUESTION], values=None)


async def test_a_draft_has_nothing_to_tell(store: SqlStore) -> None:
    assert await all_of(store) == []


async def test_the_life_of_a_run(store: SqlStore) -> None:
    await store.mark_running("run", fence=1, attempt=1, human_message="why?")
    await ask(store, 2)
    await store.mark_running("run", fence=3, attempt=1, human_message="why?")
    await store.finish("run", SUCCESS, fence=4)
    assert await types(store) == [
        "run_started", "human_message", "run_attempt_started", "run_awaiting_input", "run_resumed", "run_completed"
    ]  # fmt: skip


async def test_events_are_dense_and_named_by_their_place(store: SqlStore) -> None:
    await store.mark_running("run", fence=1, attempt=1)
    await store.finish("run", SUCCESS, fence=2)
    events = await all_of(store)
    assert [(event.sequence, event.event_id) for event in events] == [(n, f"run:{n}") for n in range(1, 6)]
    assert {(event.run_id, event.thread_id) for event in events} == {("run", "thread")}


async def test_what_each_event_carries(store: SqlStore) -> None:
    await store.mark_running("run", fence=1, attempt=2, human_message=[{"type": "text", "text": "why?"}])
    await ask(store, 2)
    error = RunError(type="E", message="m", traceback="secret places")
    await store.finish("run", RunEnding(RunStatus.ERROR, 5, error=error), fence=3)
    payloads = {event.event_type: event.payload for event in await told(store)}
    assert payloads == {
        "run_started": {"assistant_id": "agent", "metadata": {}, "user_id": None},
        "human_message": {"content": [{"type": "text", "text": "why?"}]},
        "run_attempt_started": {"attempt": 2},
        "run_awaiting_input": {"steps": 1, "interrupts": [{"id": "q", "value": {"why": "?"}, "namespace": ["a"]}]},
        "run_failed": {
            "status": "error", "steps": 5, "attempt": 2, "cancel_action": None, "usage": None, "title": None,
            "error": {"type": "E", "message": "m"}, "interrupts": [],
        },
    }  # fmt: skip


async def test_a_repeated_activity_tells_nothing_again(store: SqlStore) -> None:
    for fence in (1, 2):
        await store.mark_running("run", fence=fence, attempt=1)
    for fence in (3, 4):
        await ask(store, fence)
    for fence in (5, 6):
        await store.mark_running("run", fence=fence, attempt=1)
    for fence in (7, 8):
        await store.finish("run", SUCCESS, fence=fence)
    assert await types(store) == [
        "run_started", "run_attempt_started", "run_awaiting_input", "run_resumed", "run_completed"
    ]  # fmt: skip


async def test_each_attempt_is_told(store: SqlStore) -> None:
    for number in (1, 2, 2, 5):
        await store.mark_running("run", fence=number, attempt=number)
    attempts = [event.payload for event in await told(store) if event.event_type == "run_attempt_started"]
    assert attempts == [{"attempt": 1}, {"attempt": 2}, {"attempt": 5}]


async def test_each_question_is_told_and_each_answer(store: SqlStore) -> None:
    for fence in (1, 3, 5):
        await store.mark_running("run", fence=fence, attempt=1)
        await ask(store, fence + 1)
    asked = [kind for kind in await types(store) if kind in ("run_awaiting_input", "run_resumed")]
    assert asked == ["run_awaiting_input", "run_resumed", "run_awaiting_input", "run_resumed", "run_awaiting_input"]


async def test_a_run_that_never_started_is_told_to_have_ended(store: SqlStore) -> None:
    ending = RunEnding(RunStatus.INTERRUPTED, 0, cancel_action=CancelAction.INTERRUPT)
    await store.finish("run", ending, fence=1)
    assert await types(store) == ["run_cancelled"]


async def test_what_is_told_ends_with_the_end(store: SqlStore) -> None:
    await store.finish("run", SUCCESS, fence=1)
    await store.mark_running("run", fence=2, attempt=2)
    await store.finish("run", RunEnding(RunStatus.ERROR, 1), fence=3)
    assert await types(store) == ["run_completed"]


async def test_an_attempt_that_was_taken_over_tells_nothing(store: SqlStore) -> None:
    await store.mark_running("run", fence=5, attempt=2)
    before = await told(store)
    with pytest.raises(FencedError):
        await store.finish("run", SUCCESS, fence=4)
    assert await told(store) == before


async def test_a_change_that_fails_tells_nothing(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise UnavailableError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("perdure.store.progress.replace_values", full)
        with pytest.raises(UnavailableError):
            await store.finish("run", SUCCESS, fence=1)
    assert await told(store) == []


async def test_ten_attempts_at_once_share_one_order(store: SqlStore) -> None:
    calls = (store.mark_running("run", fence=number, attempt=number) for number in range(1, 11))
    await asyncio.gather(*calls, return_exceptions=True)
    assert [event.sequence for event in await all_of(store)] == [*range(1, len(await all_of(store)) + 1)]


async def test_events_go_with_their_run(store: SqlStore, draft: Draft) -> None:
    await store.mark_running("run", fence=1, attempt=1)
    await store.lifecycle.mark_delivered("run", "audit", 1, after=0)
    await store.delete("run")
    assert await all_of(store) == await store.lifecycle.deliveries("run") == []
    await draft()
    assert await all_of(store) == await store.lifecycle.deliveries("run") == []


# Of its thread.


async def of_thread(store: SqlStore, run_id: str = "run") -> list[str]:
    events = await all_of(store, run_id)
    return [event.payload["status"] for event in events if event.event_type == "thread_status_updated"]


async def test_the_thread_is_told_of_when_its_status_changes(store: SqlStore) -> None:
    await store.mark_submitted("run", sequence=1)
    await store.mark_running("run", fence=1, attempt=1)
    await ask(store, 2)
    await store.mark_running("run", fence=3, attempt=1)
    await store.finish("run", RunEnding(RunStatus.ERROR, 1), fence=4)
    await store.mark_submitted("run", sequence=1)
    assert await of_thread(store) == ["running", "awaiting_input", "running", "error"]


async def test_the_thread_is_told_of_behind_the_run_that_moves_it(store: SqlStore) -> None:
    await store.mark_running("run", fence=1, attempt=1)
    await store.finish("run", SUCCESS, fence=2)
    kinds = [event.event_type for event in await all_of(store)]
    assert kinds == [
        "thread_status_updated", "run_started", "run_attempt_started", "run_completed", "thread_status_updated"
    ]  # fmt: skip


async def test_a_run_in_line_changes_nothing_of_its_thread(store: SqlStore, draft: Draft) -> None:
    await store.mark_running("run", fence=1, attempt=1)
    await draft("next")
    await store.mark_submitted("next", sequence=2)
    await store.finish("run", SUCCESS, fence=2)
    await store.mark_running("next", fence=3, attempt=1)
    await store.finish("next", SUCCESS, fence=4)
    assert (await of_thread(store), await of_thread(store, "next")) == (["running"], ["idle"])


# Delivery.


async def test_each_observer_has_its_own_place(store: SqlStore) -> None:
    await store.mark_running("run", fence=1, attempt=1)
    assert await store.lifecycle.mark_delivered("run", "audit", 1, after=0)
    rest = await store.lifecycle.undelivered("run", "audit")
    assert [event.sequence for event in rest.events] == [2, 3]
    assert len(await all_of(store)) == 3


async def test_only_one_of_two_couriers_gets_on(store: SqlStore) -> None:
    await store.mark_running("run", fence=1, attempt=1)
    marks = [store.lifecycle.mark_delivered("run", "audit", 1, after=0) for _ in range(5)]
    assert sorted(await asyncio.gather(*marks)) == [False, False, False, False, True]
    assert not await store.lifecycle.mark_delivered("run", "audit", 1, after=0), "it would go back"
    assert await store.lifecycle.mark_delivered("run", "audit", 2, after=1)


async def test_a_failure_stays_noted(store: SqlStore) -> None:
    await store.mark_running("run", fence=1, attempt=1)
    await store.lifecycle.mark_delivered("run", "audit", 1, after=0, failure="no luck")
    await store.lifecycle.mark_delivered("run", "audit", 2, after=1)
    (delivery,) = await store.lifecycle.deliveries("run")
    assert (delivery.observer, delivery.delivered, delivery.failure) == ("audit", 2, "no luck")


async def test_a_run_that_there_is_not_has_no_deliveries(store: SqlStore) -> None:
    assert not await store.lifecycle.mark_delivered("other", "audit", 1, after=0)
    assert (await store.lifecycle.undelivered("other", "audit")).events == ()


async def test_many_events_come_in_pages(store: SqlStore) -> None:
    for number in range(1, 151):
        await store.mark_running("run", fence=number, attempt=number)
    seen = 0
    while events := (await store.lifecycle.undelivered("run", "audit")).events:
        assert [event.sequence for event in events] == [*range(seen + 1, seen + len(events) + 1)]
        await store.lifecycle.mark_delivered("run", "audit", events[-1].sequence, after=seen)
        seen = events[-1].sequence
    assert seen == 152


async def test_whose_run_it_is_comes_along(store: SqlStore, make_record: Make, spec: RunSpec) -> None:
    await store.create(make_record("theirs", "their thread", user_id="ann"), spec)
    await store.mark_running("theirs", fence=1, attempt=1)
    assert (await store.lifecycle.undelivered("theirs", "audit")).user_id == "ann"
    assert (await store.lifecycle.undelivered("run", "audit")).user_id is None
