"""On whose behalf a run goes: carried to its tools, and the filter of every look at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from support.graphs import Shelf, asking, count_to, counting

from perdure import (
    ActorRequiredError,
    InvalidRunError,
    RunNotFoundError,
    RunScope,
    RunsFacade,
    RunSpec,
    Settings,
    Worker,
    bind_actor,
    require_actor_context,
)

Spec = Callable[..., RunSpec]


def telling() -> StateGraph[Shelf]:
    """Says who acts: in an async node, and in a plain one, which has a thread of its own."""

    async def here(state: Shelf) -> dict[str, Any]:
        return {"log": [require_actor_context().user_id]}

    def elsewhere(state: Shelf) -> dict[str, Any]:
        return {"log": [require_actor_context().user_id]}

    graph = StateGraph(Shelf)
    graph.add_node("here", here)
    graph.add_node("elsewhere", elsewhere)
    graph.add_edge(START, "here")
    graph.add_edge("here", "elsewhere")
    return graph


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    graphs = {"telling": telling(), "counting": counting(), "asking": asking("name?")}
    async with Worker(graphs=graphs, settings=settings) as worker:
        yield worker


@pytest.mark.parametrize("stateless", [False, True])
async def test_a_tool_finds_the_actor_of_its_run(runs: RunsFacade, worker: Worker, spec: Spec, stateless: bool) -> None:
    scope = {"scope": RunScope(kind="stateless")} if stateless else {}
    with bind_actor("ann"):
        record, result = await runs.create_and_wait(spec("telling", input={"log": []}, **scope))
    assert result.values == {"log": ["ann", "ann"]}
    assert record.user_id == "ann"


async def test_without_an_actor_there_is_none(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    _, result = await runs.create_and_wait(spec("telling", input={"log": []}))
    assert result.error is not None
    assert result.error.type.endswith(ActorRequiredError.__name__)


async def test_another_users_run_is_not_found(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    with bind_actor("ann"):
        record, _ = await runs.create_and_wait(spec("asking", input={"log": []}))
    with bind_actor("bob"):
        assert await runs.get_run(record.run_id) is None
        assert await runs.list_runs(record.thread_id) == []
        assert await runs.get_thread(record.thread_id) is None
        assert not await runs.delete_run(record.run_id)
        assert not await runs.delete_thread(record.thread_id)
        for call in (runs.join_stream, runs.join_wait, runs.cancel, runs.interrupt):
            with pytest.raises(RunNotFoundError):
                await call(record.run_id)
        with pytest.raises(RunNotFoundError):
            await runs.resume(record.run_id, "Bob")
        with pytest.raises(RunNotFoundError):
            await runs.create_background(
                spec("counting", "other", input=count_to(1), follow_up_to_run_id=record.run_id)
            )
        with pytest.raises(InvalidRunError, match="is taken"):
            await runs.create_background(spec("counting", input=count_to(1)))
        with pytest.raises(InvalidRunError, match="is taken"):
            await runs.create_background(spec("counting", "other", input=count_to(1), run_id=record.run_id))
    with bind_actor("ann"):
        await runs.resume(record.run_id, "Ann")
        assert (await runs.join_wait(record.run_id)).values["log"] == ["Ann", "after"]
    assert [found.run_id for found in await runs.list_runs(record.thread_id)] == [record.run_id]


async def test_a_list_is_of_the_actors_own(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    for user in ("ann", "bob", "ann"):
        with bind_actor(user):
            await runs.create_and_wait(spec("counting", user, input=count_to(1)))
    with bind_actor("ann"):
        assert {record.user_id for record in await runs.list_runs()} == {"ann"}
        assert len(await runs.list_runs(limit=10)) == 2
        assert [thread.user_id for thread in await runs.list_threads()] == ["ann"]
        with pytest.raises(InvalidRunError, match="user_id"):
            await runs.list_threads(user_id="bob")
    assert len(await runs.list_runs()) == 3
    assert [thread.user_id for thread in await runs.list_threads(user_id="bob")] == ["bob"]
