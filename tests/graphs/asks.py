"""A graph that asks, for workers that are killed while it waits. It notes its effects in a file."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import interrupt


class State(TypedDict):
    log: Annotated[list[Any], operator.add]
    effects: str


def _note(state: State, line: str) -> None:
    with Path(state["effects"]).open("a") as file:
        file.write(f"{line}\n")


async def before(state: State) -> dict[str, Any]:
    _note(state, "before")
    return {"log": ["before"]}


async def left(state: State) -> dict[str, Any]:
    answer = interrupt("left?")
    _note(state, "left")
    return {"log": [f"left={answer}"]}


async def right(state: State) -> dict[str, Any]:
    answer = interrupt("right?")
    _note(state, "right")
    return {"log": [f"right={answer}"]}


async def after(state: State) -> dict[str, Any]:
    _note(state, "after")
    return {"log": ["after"]}


def _inner() -> Any:
    inner = StateGraph(State)
    inner.add_node("before", before)
    inner.add_node("right", right)
    inner.add_edge(START, "before")
    inner.add_edge("before", "right")
    return inner.compile()


graph = StateGraph(State)
graph.add_node("left", left)
graph.add_node("inner", _inner())
graph.add_node("after", after)
graph.add_edge(START, "left")
graph.add_edge(START, "inner")
graph.add_edge(["left", "inner"], "after")
