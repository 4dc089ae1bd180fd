"""Events, usage and title of runs, as a program sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from graphs.agents import asking, branches, simple

from perdure import RunsFacade, RunSpec, Settings, Worker
from perdure.contracts.actor import bind_actor
from perdure.contracts.errors import InvalidRunError, RunNotFoundError

GIVEN = {"messages": [("human", [{"type": "text", "text": "What is it?"}])]}


@pytest.fixture
async def agents(settings: Settings) -> AsyncIterator[None]:
    graphs = {"simple": simple(), "branches": branches(), "asking": asking()}
    async with Worker(graphs=graphs, settings=settings):
        yield


pytestmark = pytest.mark.usefixtures("agents")
Spec = Callable[..., RunSpec]


async def test_an_agent_leaves_its_messages_calls_and_turns(runs: RunsFacade, spec: Spec) -> None:
    run, _ = await runs.create_and_wait(spec("simple", input=GIVEN))
    events = await runs.list_events(run.run_id)
    assert [event.event_type for event in events][:2] == ["run_started", "human_message"]
    assert events[-1].event_type == "run_completed"
    assert [event.content for event in events if event.event_type == "human_message"] == [GIVEN["messages"][0][1]]
    assert sum(event.event_type == "ai_message" for event in events) == 4
    assert sum(event.event_type == "tool_error" for event in events) == 1
    assert await runs.list_events(thread_id=run.thread_id, newest_first=True) == events[::-1]


async def test_usage_and_title_are_in_the_record_the_thread_and_the_last_event(runs: RunsFacade, spec: Spec) -> None:
    run, stream = await runs.create_and_stream(spec("branches", input=GIVEN))
    last = [event async for event in stream][-1].data
    record, thread = await runs.get_run(run.run_id), await runs.get_thread(run.thread_id)
    assert record
    assert thread
    assert record.usage
    assert (last["usage"], last["title"]) == (record.usage, "A title")
    assert thread.title == "A title"
    assert {name: used["llm_calls"] for name, used in record.usage["by_caller"].items()} == {
        "lead_agent": 7,
        "subagent": 9,
        "middleware": 1,
    }
    assert record.usage["tool_calls"] == 6


async def test_usage_is_known_at_a_question_and_counted_once_after_it(runs: RunsFacade, spec: Spec) -> None:
    run, _ = await runs.create_and_wait(spec("asking", input=GIVEN))
    asks = await runs.get_run(run.run_id)
    assert asks
    assert asks.usage
    assert (asks.usage["llm_calls"], asks.usage["tool_calls"]) == (3, 1)
    await runs.resume(run.run_id, "yes")
    await runs.join_wait(run.run_id)
    ended = await runs.get_run(run.run_id)
    assert ended
    assert ended.usage
    assert (ended.usage["llm_calls"], ended.usage["tool_calls"]) == (5, 2)


async def test_a_filter_that_cannot_be_is_refused(runs: RunsFacade) -> None:
    wrong: list[dict[str, Any]] = [{}, {"thread_id": "t", "limit": 0}, {"thread_id": "t", "types": ["ai_mesage"]}]
    for filters in wrong:
        with pytest.raises(InvalidRunError):
            await runs.list_events(**filters)
    with pytest.raises(RunNotFoundError):
        await runs.list_events("no-such-run")


async def test_another_users_events_are_not_found(runs: RunsFacade, spec: Spec) -> None:
    with bind_actor("one"):
        run, _ = await runs.create_and_wait(spec("simple", input=GIVEN))
    with bind_actor("two"):
        assert await runs.list_events(thread_id=run.thread_id) == []
        with pytest.raises(RunNotFoundError):
            await runs.list_events(run.run_id)


async def test_deleted_runs_have_no_events(runs: RunsFacade, spec: Spec) -> None:
    run, _ = await runs.create_and_wait(spec("simple", input=GIVEN))
    await runs.delete_run(run.run_id)
    assert await runs.list_events(thread_id=run.thread_id) == []
