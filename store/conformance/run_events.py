"""What a store promises of run events: behind the fence, once, replaced in their places, counted, read in pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ...contracts.errors import FencedError, RunNotFoundError
from ...contracts.serialization.serializer import to_json
from ...contracts.types import RunSpec, RunStatus
from ..contract import RunEnding, Store
from ..event_contract import EventBatch, EventFilter, NewRunEvent
from .making import Draft, Make

ALL = EventFilter(run_id="run")


def event(number: int, content: Any = "text", *, task: str | None = "a:1", **fields: Any) -> NewRunEvent:
    known: dict[str, Any] = {"event_type": "ai_message", "category": "message", "metadata": dict[str, Any]()} | fields
    return NewRunEvent(number=number, content=to_json(content), task=task, created_at=datetime.now(UTC), **known)


def model_call(number: int, call_id: str, model: str, caller: str, **usage: int) -> list[NewRunEvent]:
    about = {"call_id": call_id, "model": model, "caller": caller}
    answered = {**about, "model": f"{model}-exact", "usage": usage}
    return [
        event(number, event_type="llm_request", category="trace", metadata=about),
        event(number + 1, event_type="llm_response", category="trace", metadata=answered),
    ]


async def write(store: Store, *events: NewRunEvent, fence: int = 1, attempt: int = 1, **batch: Any) -> None:
    await store.events.write("run", EventBatch(events, **batch), fence=fence, attempt=attempt)


async def contents(store: Store, which: EventFilter = ALL, **page: Any) -> list[tuple[int, Any]]:
    found = await store.events.list(which, **page)
    return [(event.seq, event.content) for event in found if event.category != "lifecycle"]


class RunEventPromises:
    """Run events in the store: behind the fence, once, replaced in their places, counted, and read in pages."""

    @pytest.fixture
    async def running(self, store: Store, draft: Draft) -> None:
        await draft()
        await store.mark_running("run", fence=1, attempt=1)

    @pytest.mark.usefixtures("running")
    async def test_a_batch_that_is_written_again_changes_nothing(self, store: Store) -> None:
        batch = [event(1, "one"), event(2, "two")]
        await write(store, *batch)
        await write(store, *batch, event(3, "three"))
        assert await contents(store) == [(2, "one"), (3, "two"), (4, "three")]

    @pytest.mark.usefixtures("running")
    async def test_what_was_open_goes_when_the_run_is_taken_up_again(self, store: Store) -> None:
        await write(store, event(1, "saved"), event(2, "cut", task="b:2"), sealed={"a:1": "a:1"})
        await store.mark_running("run", fence=2, attempt=2)
        assert await contents(store) == [(2, "saved")]

    @pytest.mark.usefixtures("running")
    async def test_what_comes_instead_takes_the_places_of_what_went(self, store: Store) -> None:
        await write(
            store, event(1, "begin"), event(2, "cut"), event(3, "within", task="a:1|i:2"), sealed={"a:1|i:2": "a:1|i:2"}
        )
        again = [event(1, "begin again"), event(2, "goes on"), event(3, "more")]
        await write(store, *again, fence=2, attempt=2, begun=["a:1"])
        assert await contents(store) == [(2, "begin again"), (3, "goes on"), (4, "within"), (5, "more")]

    @pytest.mark.usefixtures("running")
    async def test_a_task_that_begins_again_although_it_was_sealed_replaces_all_that_its_save_had_sealed(
        self,
        store: Store,
    ) -> None:
        seals = {"a:1": "a:1", "a:1|i:2": "a:1"}
        await write(store, event(1, "outer"), event(2, "unsaved", task="a:1|i:2"), sealed=seals)
        await write(store, event(1, "outer again"), event(2, "new", task="a:1|i:3"), fence=2, begun=["a:1", "a:1|i:3"])
        assert [text for _, text in await contents(store)] == ["outer again", "new"]

    @pytest.mark.usefixtures("running")
    async def test_a_writer_that_was_replaced_writes_nothing(self, store: Store) -> None:
        await store.mark_running("run", fence=2, attempt=2)
        with pytest.raises(FencedError):
            await write(store, event(1))
        assert await contents(store) == []

    @pytest.mark.usefixtures("running")
    async def test_a_writer_keeps_those_before_it_out(self, store: Store) -> None:
        await write(store, event(1, "newer"), fence=5)
        with pytest.raises(FencedError):
            await write(store, event(1, "older"), fence=4)

    @pytest.mark.usefixtures("running")
    async def test_a_run_that_has_ended_gets_no_more_events(self, store: Store) -> None:
        await store.finish("run", RunEnding(RunStatus.SUCCESS, 1), fence=1)
        await write(store, event(1))
        assert await contents(store) == []

    @pytest.mark.usefixtures("running")
    async def test_the_events_of_a_deleted_run_go_and_none_comes_back(self, store: Store) -> None:
        await write(store, event(1))
        await store.delete("run")
        with pytest.raises(RunNotFoundError):
            await write(store, event(2))
        assert await store.events.list(EventFilter(thread_id="thread")) == []

    @pytest.mark.usefixtures("running")
    async def test_a_message_that_is_only_wanted_if_it_is_new(self, store: Store) -> None:
        await write(store, event(1, "hello"), event(2, "hello", if_new=True), event(3, "other", if_new=True))
        assert [text for _, text in await contents(store)] == ["hello", "other"]

    @pytest.mark.usefixtures("running")
    async def test_pages_in_both_directions(self, store: Store) -> None:
        await write(store, *(event(number, number) for number in range(1, 8)))
        assert [text for _, text in await contents(store, after=4, limit=2)] == [4, 5]
        assert [text for _, text in await contents(store, before=4, limit=2, newest_first=True)] == [2, 1]

    @pytest.mark.usefixtures("running")
    async def test_filters(self, store: Store, make_record: Make, spec: RunSpec) -> None:
        await store.create(make_record("mine", "thread"), spec)
        await store.mark_running("mine", fence=1, attempt=1, human_message="hi")
        await store.create(make_record("theirs", "their thread", user_id="me"), spec)
        await store.mark_running("theirs", fence=1, attempt=1, human_message="hi")
        await write(store, event(1, event_type="tool_start", category="trace"))
        found = await store.events.list(EventFilter(thread_id="thread", types=("tool_start", "human_message")))
        assert [(event.run_id, event.seq) for event in found] == [("mine", 3), ("run", 4)]
        theirs = await store.events.list(EventFilter(user_id="me"))
        assert [(event.run_id, event.event_type) for event in theirs] == [
            ("theirs", "run_started"),
            ("theirs", "human_message"),
        ]
        assert await store.events.list(EventFilter(thread_id="thread", user_id="me")) == []
        assert len(await store.events.list(EventFilter(run_id="run", categories=("trace",)))) == 1

    @pytest.mark.usefixtures("running")
    async def test_usage_by_model_and_by_caller(self, store: Store) -> None:
        await write(
            store,
            *model_call(
                1, "x", "m", "lead_agent", input_tokens=5, output_tokens=2, total_tokens=7, cache_read_tokens=3
            ),
            *model_call(3, "y", "n", "subagent", input_tokens=1, output_tokens=1, total_tokens=2),
            event(5, event_type="tool_start", category="trace"),
        )
        record = await store.finish("run", RunEnding(RunStatus.SUCCESS, 1), fence=1)
        usage = record.usage
        assert usage
        assert (usage["llm_calls"], usage["tool_calls"], usage["total_tokens"], usage["cache_read_tokens"]) == (
            2,
            1,
            9,
            3,
        )
        assert {name: used["input_tokens"] for name, used in usage["by_model"].items()} == {"m-exact": 5, "n-exact": 1}
        assert {name: used["llm_calls"] for name, used in usage["by_caller"].items()} == {
            "lead_agent": 1,
            "subagent": 1,
        }

    @pytest.mark.usefixtures("running")
    async def test_a_run_without_models_and_tools_has_used_nothing(self, store: Store) -> None:
        assert (await store.finish("run", RunEnding(RunStatus.SUCCESS, 1), fence=1)).usage is None

    @pytest.mark.usefixtures("running")
    async def test_usage_stands_in_the_record_at_a_question_too(self, store: Store) -> None:
        await write(store, *model_call(1, "x", "m", "lead_agent", total_tokens=7))
        record = await store.mark_awaiting("run", fence=1, steps=1, interrupts=(), values=None)
        assert record.usage
        assert record.usage["total_tokens"] == 7

    @pytest.mark.usefixtures("running")
    @pytest.mark.parametrize(("name", "data"), [("title", "A title"), ("middleware:title", {"title": "A title"})])
    async def test_the_title_of_an_event_is_the_threads_too(self, store: Store, name: str, data: Any) -> None:
        await write(store, event(1, data, event_type="custom_event", category="trace", metadata={"name": name}))
        ending = RunEnding(RunStatus.SUCCESS, 1, title="of the state")
        assert (await store.finish("run", ending, fence=1)).title == "A title"
        thread = await store.threads.get("thread")
        assert thread
        assert thread.title == "A title"

    @pytest.mark.usefixtures("running")
    async def test_the_title_of_the_state(self, store: Store) -> None:
        await store.finish("run", RunEnding(RunStatus.SUCCESS, 1, title="of the state"), fence=1)
        stored = await store.get("run")
        assert stored
        assert stored.record.title == "of the state"
