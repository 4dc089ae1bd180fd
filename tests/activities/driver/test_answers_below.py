"""Answers to what a node has called: delivered exactly once, wherever a slice is cut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from ..driving import BackEnds, Fuse, make_run
from ..worlds import State, answers
from .test_questions import ENDLESS, asked, at_writes


def _graph(name: str, node: Any) -> StateGraph[State]:
    graph = StateGraph(State)
    graph.add_node(name, node)
    graph.add_edge(START, name)
    return graph


async def _ask(prefix: str) -> str:
    first = interrupt(f"{prefix} first?")
    await asyncio.sleep(0)
    second = interrupt(f"{prefix} second?")
    return f"{first},{second}"


def _asker(prefix: str) -> Any:
    async def ask(state: State) -> dict[str, Any]:
        return {"log": [await _ask(prefix)]}

    return _graph("ask", ask).compile()


def called_twice() -> Any:
    """LangGraph's state shows the first of the graphs that a node calls, and not the second."""
    inner = _asker("inner")

    async def call(state: State) -> dict[str, Any]:
        first, second = await inner.ainvoke({"log": []}), await inner.ainvoke({"log": []})
        return {"log": [*first["log"], *second["log"]]}

    return _graph("call", call).compile()


def hidden() -> Any:
    """A graph that LangGraph does not find in the node that calls it."""
    tools = {"ask": _asker("hidden")}

    async def call(state: State) -> dict[str, Any]:
        return {"log": (await tools["ask"].ainvoke({"log": []}))["log"]}

    return _graph("call", call).compile()


def functional() -> Any:
    """Two tasks at the same time."""

    @task
    async def ask(name: str) -> str:
        return await _ask(name)

    @entrypoint()
    async def flow(given: State) -> dict[str, Any]:
        return {"log": list(await asyncio.gather(ask("a"), ask("b")))}

    return cast("Any", flow)


@pytest.mark.parametrize(
    ("build", "questions", "log"),
    [
        (
            called_twice,
            [["inner first?"], ["inner second?"]] * 2,
            ["yes inner first?,yes inner second?"] * 2,
        ),
        (hidden, [["hidden first?"], ["hidden second?"]], ["yes hidden first?,yes hidden second?"]),
        (
            functional,
            [["a first?", "b first?"], ["a second?", "b second?"]],
            ["yes a first?,yes a second?", "yes b first?,yes b second?"],
        ),
    ],
)
async def test_each_answer_reaches_its_question_once(
    ends: BackEnds, build: Callable[[], Any], questions: list[list[str]], log: list[str]
) -> None:
    graph = build()

    async def run(fuse: Fuse) -> Any:
        run = await make_run(ends, graph, given={"log": []}, budget=ENDLESS, answer=answers, fuse=fuse)
        await run.to_end()
        return asked(run), (await run.final())["log"]

    assert await run(Fuse()) == (questions, log)
    await at_writes(run)
