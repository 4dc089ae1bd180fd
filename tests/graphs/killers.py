"""Graphs whose nodes end the process that executes them, `times` times in each superstep, as often as `deaths` says."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any, TypedDict

from langgraph.graph import START, StateGraph


class State(TypedDict):
    deaths: str
    """A folder in which each death is a file."""
    how: str
    times: int
    done: int


HOW = {
    "exit": lambda: os._exit(1),
    "segfault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
}


def first(state: State) -> dict[str, Any]:
    return {"done": 1}


async def deadly(state: State) -> dict[str, Any]:
    folder, step = Path(state["deaths"]), state["done"]
    died = len([*folder.glob(f"{step}-*")])  # noqa: ASYNC240
    if died < state["times"]:
        (folder / f"{step}-{died}").touch()
        HOW[state["how"]]()
    return {"done": step + 1}


def again(state: State) -> str:
    return "deadly" if state["done"] < 4 else "__end__"


def line() -> StateGraph[State]:
    graph = StateGraph(State)
    graph.add_node("first", first)
    graph.add_node("deadly", deadly)
    graph.add_edge(START, "first")
    graph.add_edge("first", "deadly")
    graph.add_conditional_edges("deadly", again, ["deadly", "__end__"])
    return graph


root = line()
nested = StateGraph(State)
nested.add_node("sub", line().compile())
nested.add_edge(START, "sub")
