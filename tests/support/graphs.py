"""Small graphs for tests with a worker in the same process."""

from __future__ import annotations

import asyncio
import operator
import threading
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt


class Count(TypedDict):
    log: Annotated[list[Any], operator.add]
    steps: int
    delay: float


class Shelf(TypedDict):
    log: Annotated[list[Any], operator.add]


def count_to(steps: int, delay: float = 0.0) -> dict[str, Any]:
    """Input for `counting`."""
    return {"log": [], "steps": steps, "delay": delay}


def counting() -> StateGraph[Count]:
    """`steps` supersteps of one node, each of `delay` seconds."""

    async def work(state: Count) -> dict[str, Any]:
        await asyncio.sleep(state["delay"])
        return {"log": [len(state["log"])]}

    def on(state: Count) -> str:
        return END if len(state["log"]) >= state["steps"] else "work"

    graph = StateGraph(Count)
    graph.add_node("work", work)
    graph.add_edge(START, "work")
    graph.add_conditional_edges("work", on, ["work", END])
    return graph


def asking(*questions: str) -> StateGraph[Shelf]:
    """One node that asks each question in turn, and one after it."""

    async def ask(state: Shelf) -> dict[str, Any]:
        return {"log": [interrupt(question) for question in questions]}

    async def after(state: Shelf) -> dict[str, Any]:
        return {"log": ["after"]}

    graph = StateGraph(Shelf)
    graph.add_node("ask", ask)
    graph.add_node("after", after)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "after")
    return graph


def failing(error: Exception, *, times: int = 1_000_000) -> StateGraph[Shelf]:
    """A good node, then one that raises, `times` times in all."""
    left = iter(range(times))

    async def good(state: Shelf) -> dict[str, Any]:
        return {"log": ["good"]}

    async def bad(state: Shelf) -> dict[str, Any]:
        if next(left, None) is not None:
            raise error
        return {"log": ["bad"]}

    graph = StateGraph(Shelf)
    graph.add_node("good", good)
    graph.add_node("bad", bad)
    graph.add_edge(START, "good")
    graph.add_edge("good", "bad")
    return graph


class Stubborn:
    """A graph with a synchronous tool in a thread, which no cancellation reaches."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.release = threading.Event()
        self.left = threading.Event()

    def graph(self) -> StateGraph[Shelf]:
        def tool(state: Shelf) -> dict[str, Any]:
            self.entered.set()
            self.release.wait(60)
            self.left.set()
            return {"log": ["tool"]}

        graph = StateGraph(Shelf)
        graph.add_node("tool", tool)
        graph.add_edge(START, "tool")
        return graph


class Gate:
    """A graph that stands before a gate, in the middle or at its end."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()
        self.work: list[str] = []

    def graph(self, *nodes: str, gate: str) -> StateGraph[Shelf]:
        """One node behind the other; the one called `gate` waits."""
        graph = StateGraph(Shelf)
        for before, node in zip((START, *nodes), nodes, strict=False):
            graph.add_node(node, self._node(node, waits=node == gate))
            graph.add_edge(before, node)
        return graph

    def _node(self, name: str, *, waits: bool) -> Any:
        async def node(state: Shelf) -> dict[str, Any]:
            if waits:
                self.reached.set()
                await self.opened.wait()
            self.work.append(name)
            return {"log": [name]}

        return node
