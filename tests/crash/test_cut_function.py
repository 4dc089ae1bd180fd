"""A worker that stops while a function is at work that calls a graph."""

from __future__ import annotations

import asyncio
from typing import Any

from langgraph.config import get_stream_writer
from langgraph.graph import START, StateGraph
from support.graphs import Shelf
from temporalio import activity

from perdure import RunScope, RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.types import METADATA_EVENT


def _calling(reached: asyncio.Event) -> StateGraph[Shelf]:
    async def until_shutdown(state: Shelf) -> dict[str, Any]:
        reached.set()
        await activity.wait_for_worker_shutdown()
        return {"log": ["one"]}

    async def two(state: Shelf) -> dict[str, Any]:
        return {"log": ["two"]}

    inner = StateGraph(Shelf)
    inner.add_node("one", until_shutdown)
    inner.add_node("two", two)
    inner.add_edge(START, "one")
    inner.add_edge("one", "two")
    called = inner.compile()

    async def call(state: Shelf) -> dict[str, Any]:
        get_stream_writer()({"call": "begins"})
        return {"log": (await called.ainvoke({"log": []}))["log"]}

    graph = StateGraph(Shelf)
    graph.add_node("call", call)
    graph.add_edge(START, "call")
    return graph


async def test_what_it_says_again_is_of_another_attempt(runs: RunsFacade, settings: Settings) -> None:
    reached = asyncio.Event()
    graphs = {"calling": _calling(reached)}
    scope = RunScope(thread_id=f"t-{settings.temporal.task_queue}")
    spec = RunSpec(assistant_id="calling", scope=scope, input={"log": []}, stream_modes=("custom", "values"))
    async with Worker(graphs=graphs, settings=settings):
        record = await runs.create_background(spec)
        await reached.wait()
    async with Worker(graphs=graphs, settings=settings):
        result = await runs.join_wait(record.run_id)
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["one", "two"]})
    events = [event.event async for event in await runs.join_stream(record.run_id)]
    told = [event for event in events if event in (METADATA_EVENT, "custom")]
    assert told in ([METADATA_EVENT, "custom"], [METADATA_EVENT, "custom"] * 2)
