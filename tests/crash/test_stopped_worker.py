"""A worker that stops hands its runs on at the next superstep boundary: nothing is cut, no attempt is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from support.graphs import Shelf, count_to, counting
from temporalio import activity

from perdure import RunScope, RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.activities import LiveGraphs
from perdure.contracts.types import METADATA_EVENT


async def test_the_superstep_ends_and_the_next_one_is_elsewhere(runs: RunsFacade, settings: Settings) -> None:
    reached, work = asyncio.Event(), list[str]()

    async def one(state: Shelf) -> dict[str, Any]:
        reached.set()
        await activity.wait_for_worker_shutdown()
        work.append("one")
        return {"log": ["one"]}

    async def two(state: Shelf) -> dict[str, Any]:
        work.append("two")
        return {"log": ["two"]}

    graph = StateGraph(Shelf)
    graph.add_node("one", one)
    graph.add_node("two", two)
    graph.add_edge(START, "one")
    graph.add_edge("one", "two")
    scope = RunScope(thread_id=f"t-{settings.temporal.task_queue}")
    async with Worker(graphs={"line": graph}, settings=settings):
        record = await runs.create_background(RunSpec(assistant_id="line", scope=scope, input={"log": []}))
        await reached.wait()
    assert work == ["one"]
    unfinished = await runs.get_run(record.run_id)
    assert unfinished is not None
    assert unfinished.status is RunStatus.RUNNING
    async with Worker(graphs={"line": graph}, settings=settings):
        result = await runs.join_wait(record.run_id)
    assert (result.status, result.values, work) == (RunStatus.SUCCESS, {"log": ["one", "two"]}, ["one", "two"])
    events = [event async for event in await runs.join_stream(record.run_id)]
    assert [event.data["attempt"] for event in events if event.event == METADATA_EVENT] == [1]


async def test_an_attempt_that_a_shutdown_kept_from_its_begin_does_not_count(
    runs: RunsFacade, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = iter([True] * 4)  # two looks each, in two attempts

    def look(_: LiveGraphs) -> bool:
        return next(refusals, False)

    def leave(_: LiveGraphs, __: bool) -> None: ...

    monkeypatch.setattr(LiveGraphs, "shutting_down", property(look, leave), raising=False)
    async with Worker(graphs={"counting": counting()}, settings=settings):
        spec = RunSpec(assistant_id="counting", scope=RunScope(kind="stateless"), input=count_to(2))
        record, result = await runs.create_and_wait(spec)
    assert (result.status, record.attempt) == (RunStatus.SUCCESS, 1)
    events = [event async for event in await runs.join_stream(record.run_id)]
    assert [event.data["attempt"] for event in events if event.event == METADATA_EVENT] == [1]
