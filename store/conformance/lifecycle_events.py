"""What a store promises of the lifecycle events of a run."""

from __future__ import annotations

import asyncio

import pytest

from ...contracts.errors import FencedError
from ...contracts.lifecycle import RunLifecycleEvent
from ...contracts.types import CancelAction, RunError, RunInterrupt, RunSpec, RunStatus
from ..contract import RunEnding, Store
from .making import Draft, Make

QUESTION = RunInterrupt(id="q", value={"why": "?"}, namespace=("a",))


SUCCESS = RunEnding(RunStatus.SUCCESS, steps=3, values=b"{}")


async def all_of(store: Store, run_id: str = "run") -> list[RunLifecycleEvent]:
    return [*(await store.lifecycle.undelivered(run_id, "somebody")).events]


async def told(store: Store) -> list[RunLifecycleEvent]:
    """What is told of the run itself."""
    return [event for event in await all_of(store) if event.event_type != "thread_status_updated"]


async def types(store: Store) -> list[str]:
    return [event.event_type for event in await told(store)]


async def ask(store: Store, fence: int, steps: int = 1) -> None:
    await store.mark_awaiting("run", fence=fence, steps=steps, interrupts=[QUESTION], values=None)


async def of_thread(store: Store, run_id: str = "run") -> list[str]:
    events = await all_of(store, run_id)
    return [event.payload["status"] for event in events if event.event_type == "thread_status_updated"]


class LifecyclePromises:
    """The lifecycle events of a run: written with its record, told once for each change, read in order."""

    @pytest.fixture
    async def drafted(self, draft: Draft) -> None:
        await draft()

    @pytest.mark.usefixtures("drafted")
    async def test_a_draft_has_nothing_to_tell(self, store: Store) -> None:
        assert await all_of(store) == []

    @pytest.mark.usefixtures("drafted")
    async def test_the_life_of_a_run(self, store: Store) -> None:
        await store.mark_running("run", fence=1, attempt=1, human_message="why?")
        await ask(store, 2)
        await store.mark_running("run", fence=3, attempt=1, human_message="why?")
        await store.finish("run", SUCCESS, fence=4)
        assert await types(store) == [
            "run_started", "human_message", "run_attempt_started", "run_awaiting_input", "run_resumed", "run_completed"
        ]  # fmt: skip

    @pytest.mark.usefixtures("drafted")
    async def test_events_are_dense_and_named_by_their_place(self, store: Store) -> None:
        await store.mark_running("run", fence=1, attempt=1)
        await store.finish("run", SUCCESS, fence=2)
        events = await all_of(store)
        assert [(event.sequence, event.event_id) for event in events] == [(n, f"run:{n}") for n in range(1, 6)]
        assert {(event.run_id, event.thread_id) for event in events} == {("run", "thread")}

    @pytest.mark.usefixtures("drafted")
    async def test_what_each_event_carries(self, store: Store) -> None:
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

    @pytest.mark.usefixtures("drafted")
    async def test_a_repeated_activity_tells_nothing_again(self, store: Store) -> None:
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

    @pytest.mark.usefixtures("drafted")
    async def test_each_attempt_is_told(self, store: Store) -> None:
        for number in (1, 2, 2, 5):
            await store.mark_running("run", fence=number, attempt=number)
        attempts = [event.payload for event in await told(store) if event.event_type == "run_attempt_started"]
        assert attempts == [{"attempt": 1}, {"attempt": 2}, {"attempt": 5}]

    @pytest.mark.usefixtures("drafted")
    async def test_each_question_is_told_and_each_answer(self, store: Store) -> None:
        for fence in (1, 3, 5):
            await store.mark_running("run", fence=fence, attempt=1)
            await ask(store, fence + 1)
        asked = [kind for kind in await types(store) if kind in ("run_awaiting_input", "run_resumed")]
        assert asked == ["run_awaiting_input", "run_resumed", "run_awaiting_input", "run_resumed", "run_awaiting_input"]

    @pytest.mark.usefixtures("drafted")
    async def test_a_run_that_never_started_is_told_to_have_ended(self, store: Store) -> None:
        ending = RunEnding(RunStatus.INTERRUPTED, 0, cancel_action=CancelAction.INTERRUPT)
        await store.finish("run", ending, fence=1)
        assert await types(store) == ["run_cancelled"]

    @pytest.mark.usefixtures("drafted")
    async def test_what_is_told_ends_with_the_end(self, store: Store) -> None:
        await store.finish("run", SUCCESS, fence=1)
        await store.mark_running("run", fence=2, attempt=2)
        await store.finish("run", RunEnding(RunStatus.ERROR, 1), fence=3)
        assert await types(store) == ["run_completed"]

    @pytest.mark.usefixtures("drafted")
    async def test_an_attempt_that_was_taken_over_tells_nothing(self, store: Store) -> None:
        await store.mark_running("run", fence=5, attempt=2)
        before = await told(store)
        with pytest.raises(FencedError):
            await store.finish("run", SUCCESS, fence=4)
        assert await told(store) == before

    @pytest.mark.usefixtures("drafted")
    async def test_ten_attempts_at_once_share_one_order(self, store: Store) -> None:
        calls = (store.mark_running("run", fence=number, attempt=number) for number in range(1, 11))
        await asyncio.gather(*calls, return_exceptions=True)
        assert [event.sequence for event in await all_of(store)] == [*range(1, len(await all_of(store)) + 1)]

    @pytest.mark.usefixtures("drafted")
    async def test_events_go_with_their_run(self, store: Store, draft: Draft) -> None:
        await store.mark_running("run", fence=1, attempt=1)
        await store.lifecycle.mark_delivered("run", "audit", 1, after=0)
        await store.delete("run")
        assert await all_of(store) == await store.lifecycle.deliveries("run") == []
        await draft()
        assert await all_of(store) == await store.lifecycle.deliveries("run") == []

    @pytest.mark.usefixtures("drafted")
    async def test_the_thread_is_told_of_when_its_status_changes(self, store: Store) -> None:
        await store.mark_submitted("run", sequence=1)
        await store.mark_running("run", fence=1, attempt=1)
        await ask(store, 2)
        await store.mark_running("run", fence=3, attempt=1)
        await store.finish("run", RunEnding(RunStatus.ERROR, 1), fence=4)
        await store.mark_submitted("run", sequence=1)
        assert await of_thread(store) == ["running", "awaiting_input", "running", "error"]

    @pytest.mark.usefixtures("drafted")
    async def test_the_thread_is_told_of_behind_the_run_that_moves_it(self, store: Store) -> None:
        await store.mark_running("run", fence=1, attempt=1)
        await store.finish("run", SUCCESS, fence=2)
        kinds = [event.event_type for event in await all_of(store)]
        assert kinds == [
            "thread_status_updated", "run_started", "run_attempt_started", "run_completed", "thread_status_updated"
        ]  # fmt: skip

    @pytest.mark.usefixtures("drafted")
    async def test_a_run_in_line_changes_nothing_of_its_thread(self, store: Store, draft: Draft) -> None:
        await store.mark_running("run", fence=1, attempt=1)
        await draft("next")
        await store.mark_submitted("next", sequence=2)
        await store.finish("run", SUCCESS, fence=2)
        await store.mark_running("next", fence=3, attempt=1)
        await store.finish("next", SUCCESS, fence=4)
        assert (await of_thread(store), await of_thread(store, "next")) == (["running"], ["idle"])

    @pytest.mark.usefixtures("drafted")
    async def test_each_observer_has_its_own_place(self, store: Store) -> None:
        await store.mark_running("run", fence=1, attempt=1)
        assert await store.lifecycle.mark_delivered("run", "audit", 1, after=0)
        rest = await store.lifecycle.undelivered("run", "audit")
        assert [event.sequence for event in rest.events] == [2, 3]
        assert len(await all_of(store)) == 3

    @pytest.mark.usefixtures("drafted")
    async def test_only_one_of_two_couriers_gets_on(self, store: Store) -> None:
        await store.mark_running("run", fence=1, attempt=1)
        marks = [store.lifecycle.mark_delivered("run", "audit", 1, after=0) for _ in range(5)]
        assert sorted(await asyncio.gather(*marks)) == [False, False, False, False, True]
        assert not await store.lifecycle.mark_delivered("run", "audit", 1, after=0), "it would go back"
        assert await store.lifecycle.mark_delivered("run", "audit", 2, after=1)

    @pytest.mark.usefixtures("drafted")
    async def test_a_failure_stays_noted(self, store: Store) -> None:
        await store.mark_running("run", fence=1, attempt=1)
        await store.lifecycle.mark_delivered("run", "audit", 1, after=0, failure="no luck")
        await store.lifecycle.mark_delivered("run", "audit", 2, after=1)
        (delivery,) = await store.lifecycle.deliveries("run")
        assert (delivery.observer, delivery.delivered, delivery.failure) == ("audit", 2, "no luck")

    @pytest.mark.usefixtures("drafted")
    async def test_a_run_that_there_is_not_has_no_deliveries(self, store: Store) -> None:
        assert not await store.lifecycle.mark_delivered("other", "audit", 1, after=0)
        assert (await store.lifecycle.undelivered("other", "audit")).events == ()

    @pytest.mark.usefixtures("drafted")
    async def test_many_events_come_in_pages(self, store: Store) -> None:
        for number in range(1, 151):
            await store.mark_running("run", fence=number, attempt=number)
        seen = 0
        while events := (await store.lifecycle.undelivered("run", "audit")).events:
            assert [event.sequence for event in events] == [*range(seen + 1, seen + len(events) + 1)]
            await store.lifecycle.mark_delivered("run", "audit", events[-1].sequence, after=seen)
            seen = events[-1].sequence
        assert seen == 152

    @pytest.mark.usefixtures("drafted")
    async def test_whose_run_it_is_comes_along(self, store: Store, make_record: Make, spec: RunSpec) -> None:
        await store.create(make_record("theirs", "their thread", user_id="ann"), spec)
        await store.mark_running("theirs", fence=1, attempt=1)
        assert (await store.lifecycle.undelivered("theirs", "audit")).user_id == "ann"
        assert (await store.lifecycle.undelivered("run", "audit")).user_id is None
