"""A state that is edited while a question is open: a later run's `command` answers the thread, as in LangGraph."""

from __future__ import annotations

import operator
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from perdure import RunsFacade, RunSpec, RunStatus, Settings, Worker

Spec = Callable[..., RunSpec]


class _Log(TypedDict):
    log: Annotated[list[Any], operator.add]


async def _first(state: _Log) -> dict[str, Any]:
    return {"log": ["first"]}


async def _ask(state: _Log) -> dict[str, Any]:
    return {"log": [f"{interrupt('name?')} after {state['log'][-1]}"]}


async def _ask_twice(state: _Log) -> dict[str, Any]:
    return {"log": [interrupt("name?"), interrupt("age?")]}


def _line(asks: Any) -> StateGraph[_Log]:
    graph = StateGraph(_Log).add_node("first", _first).add_node("ask", asks)
    return graph.add_edge(START, "first").add_edge("first", "ask")


def _below(*asks: Any) -> Any:
    graph = StateGraph(_Log)
    for number, ask in enumerate(asks):
        graph.add_node(f"inner{number}", ask)
        graph.add_edge(f"inner{number - 1}" if number else START, f"inner{number}")
    return graph.compile()


GRAPHS: dict[str, Any] = {
    "plain": _line(_ask),
    "twice": _line(_ask_twice),
    "subgraph": _line(_below(_ask)),
    "subgraph-twice": _line(_below(_ask, _ask)),
}


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    async with Worker(graphs=GRAPHS, settings=settings) as worker:
        yield worker


async def _bare(graph: str, as_node: str | None, answers: list[str]) -> list[tuple[Any, list[Any]]]:
    """Values and questions of bare LangGraph: after the edit, then after each answer."""
    async with AsyncSqliteSaver.from_conn_string(":memory:") as saver:
        compiled, config = GRAPHS[graph].compile(checkpointer=saver), {"configurable": {"thread_id": "t"}}
        await compiled.ainvoke({"log": ["in"]}, config)
        await compiled.aupdate_state(config, {"log": ["edit"]}, as_node=as_node)
        found: list[tuple[Any, list[Any]]] = []
        for answer in [None, *answers]:
            if answer is not None:
                await compiled.ainvoke(Command(resume=answer), config)
            state = await compiled.aget_state(config)
            found.append((state.values, [one.value for one in state.interrupts]))
        return found


async def _ours(runs: RunsFacade, spec: Spec, graph: str, ended: str, as_node: str | None, answers: list[str]) -> Any:
    finish = {"on_interrupt": "finish"}
    asking = spec(graph, input={"log": ["in"]}, **(finish if ended == "finish" else {}))
    record, _ = await runs.create_and_wait(asking)
    if ended == "cancel":
        await runs.cancel(record.run_id)
        await runs.join_wait(record.run_id)
    state = await runs.update_state(record.thread_id, {"log": ["edit"]}, as_node=as_node)
    assert state is not None
    found = [(state.values, [one.value for one in state.interrupts])]
    for answer in answers:
        _, result = await runs.create_and_wait(spec(graph, command={"resume": answer}, **finish))
        assert result.error is None, result
        state = await runs.get_state(record.thread_id)
        assert state is not None
        assert result.values == state.values
        found.append((state.values, [one.value for one in state.interrupts]))
    return found


@pytest.mark.parametrize("ended", ["finish", "cancel"])
@pytest.mark.parametrize("as_node", [None, "first"])
@pytest.mark.parametrize("graph", GRAPHS)
async def test_is_answered(
    runs: RunsFacade, worker: Worker, spec: Spec, graph: str, as_node: str | None, ended: str
) -> None:
    answers = ["Ann", "42"] if graph.endswith("twice") else ["Ann"]
    assert await _ours(runs, spec, graph, ended, as_node, answers) == await _bare(graph, as_node, answers)


async def test_an_answer_to_nothing_is_refused(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    record, result = await runs.create_and_wait(spec("plain", input={"log": ["in"]}, on_interrupt="finish"))
    await runs.update_state(record.thread_id, {"log": ["edit"]})
    stale = {result.interrupts[0].id: "Ann"}  # of a question that the edit has taken back
    _, refused = await runs.create_and_wait(spec("plain", command={"resume": stale}))
    assert refused.error is not None
    assert "no open question has the id" in refused.error.message
    await runs.update_state(record.thread_id, {"log": ["edit"]}, as_node="ask")  # nothing is due any more
    _, refused = await runs.create_and_wait(spec("plain", command={"resume": "Ann"}))
    assert refused.error is not None
    assert "no question is open" in refused.error.message
    assert refused.status is RunStatus.ERROR
