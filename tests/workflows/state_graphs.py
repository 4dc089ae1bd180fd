"""Graphs whose state only they can show, each at the end of a run or where it was left."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict, cast

from langgraph.channels.delta import DeltaChannel
from langgraph.channels.topic import Topic
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import Send, interrupt
from pydantic import BaseModel


class Log(TypedDict, total=False):
    log: Annotated[list[Any], operator.add]


def _extended(current: list[Any] | None, writes: Sequence[list[Any]]) -> list[Any]:
    return [*(current or []), *(one for write in writes for one in write)]


class Delta(TypedDict, total=False):
    notes: Annotated[list[Any], DeltaChannel(_extended)]
    log: Annotated[list[Any], operator.add]


class Sparse(TypedDict, total=False):
    log: Annotated[list[Any], operator.add]
    never: Annotated[list[Any], operator.add]
    total: Annotated[int, operator.add]
    plain: str


class Topics(TypedDict, total=False):
    log: Annotated[list[Any], operator.add]
    fleeting: Annotated[list[str], Topic]
    kept: Annotated[list[str], Topic(str, accumulate=True)]


class Model(BaseModel):
    log: Annotated[list[Any], operator.add] = []
    size: int = 3


@dataclass
class Record:
    log: Annotated[list[Any], operator.add] = field(default_factory=list[Any])
    size: int = 3


def writes(name: str, **more: Any) -> Any:
    async def node(state: Any) -> dict[str, Any]:
        return {"log": [name], **more}

    return node


async def asks(state: Any) -> dict[str, Any]:
    return {"log": [interrupt({"question": "name?"})]}


async def fails(state: Any) -> dict[str, Any]:
    raise ValueError("no luck")


def line(schema: Any, **nodes: Any) -> StateGraph[Any]:
    graph, before = StateGraph(schema), START
    for name, node in nodes.items():
        graph.add_node(name, node).add_edge(before, name)
        before = name
    return graph


def fan(schema: Any, *, last: Any = None, defer: bool = False, **nodes: Any) -> StateGraph[Any]:
    """`first`, then all of the nodes at once, then `last`."""
    graph = StateGraph(schema).add_node("first", writes("first")).add_edge(START, "first")
    for name, node in nodes.items():
        graph.add_node(name, node).add_edge("first", name)
    if last is not None:
        graph.add_node("last", last, defer=defer)
        for name in nodes:
            graph.add_edge(name, "last")
    return graph


def deferred() -> StateGraph[Any]:
    """`last` waits for the long branch, which asks."""
    graph = fan(Log, last=writes("last"), defer=True, short=writes("short"), long=writes("long"))
    return graph.add_node("longer", asks).add_edge("long", "longer").add_edge("longer", "last")


def sends() -> StateGraph[Any]:
    async def work(state: Any) -> dict[str, Any]:
        if state["item"] == 1:
            return {"log": [interrupt("go on?")]}
        return {"log": [f"item {state['item']}"]}

    def spread(state: Log) -> list[Send]:
        return [Send("work", {"item": item}) for item in range(3)]

    graph = StateGraph(Log).add_node("plan", writes("plan")).add_node("work", work).add_edge(START, "plan")
    return graph.add_conditional_edges("plan", spread, ["work"])


@task
async def _double(number: int) -> int:
    return 2 * number


def remembering() -> Any:
    """Counts over its runs, and gives back something else than it keeps."""

    async def remember(number: int, *, previous: int | None = None) -> Any:
        total = (previous or 0) + await _double(number)
        return entrypoint.final(value={"total": total}, save=total)

    return cast("Any", entrypoint())(remember)


def asking_function() -> Any:
    async def approve(number: int) -> Any:
        doubled = await _double(number)
        return {"answer": interrupt({"double": doubled})}

    return cast("Any", entrypoint())(approve)


INNER = line(Log, inner=writes("inner"), asker=asks).compile()
MIDDLE = line(Log, middle=writes("middle"), deep=INNER).compile()
IN = {"log": ["in"]}

WORLDS: dict[str, tuple[Any, Any]] = {
    "delta channel": (line(Delta, one=writes("1", notes=["n1"]), two=writes("2", notes=["n2"])), {"notes": ["n0"]}),
    "delta channel, asking": (line(Delta, one=writes("1", notes=["n1"]), ask=asks), {"notes": ["n0"], "log": ["in"]}),
    "delta channel, beside a question": (fan(Delta, note=writes("2", notes=["n2"]), ask=asks), {"notes": ["n0"]}),
    "deferred": (deferred(), IN),
    "never written": (line(Sparse, one=writes("1")), IN),
    "never written, no input": (line(Sparse, one=writes("1"), ask=asks), {}),
    "topics": (line(Topics, one=writes("1", fleeting=["f"], kept=["k"]), two=writes("2"), ask=asks), IN),
    "an error": (line(Log, one=writes("1"), bad=fails), IN),
    "an error beside others": (fan(Log, last=writes("last"), good=writes("good"), bad=fails), IN),
    "a question beside others": (fan(Log, last=writes("last"), good=writes("good"), ask=asks), IN),
    "several questions": (fan(Log, last=writes("last"), one=asks, two=asks), IN),
    "a question in a subgraph": (line(Log, first=writes("first"), below=INNER), IN),
    "a question two graphs down": (line(Log, first=writes("first"), below=MIDDLE), IN),
    "subgraphs beside each other": (fan(Log, left=INNER, right=MIDDLE, good=writes("good")), IN),
    "sends": (sends(), IN),
    "a function that remembers": (remembering(), 4),
    "a function that asks": (asking_function(), 4),
    "pydantic": (line(Model, one=writes("1"), ask=asks), IN),
    "dataclass": (line(Record, one=writes("1", size=5), ask=asks), IN),
    "breakpoint": (line(Log, one=writes("1"), two=writes("2")).compile(interrupt_before=["two"]), IN),
}
"""Name to graph and input."""
