"""A node that LangGraph executes again after an error: who looks at the run sees how often, and with what it failed."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import AsyncIterator
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import RetryPolicy
from support.servers import until

from perdure import RunScope, RunsFacade, RunSpec, RunStatus, Settings, Worker


class State(TypedDict):
    log: Annotated[list[str], operator.add]


class Flaky:
    """Fails until it is let go."""

    def __init__(self) -> None:
        self.goes = asyncio.Event()

    async def __call__(self, state: State) -> dict[str, Any]:
        if self.goes.is_set():
            return {"log": ["done"]}
        raise ConnectionError("the line is dead")

    def graph(self, *, inner: bool) -> Any:
        policy = RetryPolicy(max_attempts=10_000, initial_interval=0.02, max_interval=0.02, jitter=False)
        builder = StateGraph(State).add_node("flake", self, retry_policy=policy).add_edge(START, "flake")
        if not inner:
            return builder.compile()
        return StateGraph(State).add_node("sub", builder.compile()).add_edge(START, "sub").compile()


@pytest.fixture
def flaky() -> Flaky:
    return Flaky()


@pytest.fixture
async def served(settings: Settings, flaky: Flaky) -> AsyncIterator[None]:
    graphs = {"root": flaky.graph(inner=False), "inner": flaky.graph(inner=True)}
    async with Worker(graphs=graphs, settings=settings):
        yield


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(("graph", "node"), [("root", "flake"), ("inner", "sub › flake")])
async def test_its_failures_are_told_while_it_is_tried_again(
    runs: RunsFacade, flaky: Flaky, graph: str, node: str
) -> None:
    run = await runs.create_background(RunSpec(assistant_id=graph, scope=RunScope(kind="stateless"), input={"log": []}))

    async def said() -> str:
        record = await runs.get_run(run.run_id)
        assert record is not None
        why = (await runs.overview.explain([record])).get(run.run_id)
        return "" if why is None else why.text

    async def has_failed_often() -> bool:
        return f"Step 1 is under way: {node} has failed " in (text := await said()) and " times, the last time" in text

    await until(has_failed_often)
    assert (await said()).endswith(" times, the last time with ConnectionError, and may be tried again")
    flaky.goes.set()
    result = await runs.join_wait(run.run_id)
    assert result.status is RunStatus.SUCCESS
    told = [event for event in await runs.list_events(run.run_id) if event.event_type == "node_error"]
    assert [event.metadata["failures"] for event in told] == [*range(1, len(told) + 1)]
    assert told[0].content == {"type": "ConnectionError", "message": "the line is dead"}
    outlined = (await runs.overview.timeline(run.run_id)).events
    assert [event.seq for event in outlined] == [event.seq for event in told]
