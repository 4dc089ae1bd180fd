"""A graph whose data is of classes of its own, as found in each way that graphs have."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Generic, NamedTuple, NewType, TypedDict, TypeVar

from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.tools import tool
from langgraph.graph import START, StateGraph
from langgraph.prebuilt import ToolNode
from pydantic import BaseModel

T = TypeVar("T")


class Color(Enum):
    RED = "red"


class Part(BaseModel):
    color: Color


class Order(BaseModel):
    parts: list[Part]


class Point(NamedTuple):
    x: int


@dataclass
class Box(Generic[T]):
    content: T


class Report(AIMessage):
    """A message of the user's own."""


Id = NewType("Id", Point)


class State(TypedDict, total=False):
    orders: Annotated[list[Order | None], operator.add]
    boxes: dict[str, Box[Part]]
    id: Id
    messages: list[AnyMessage]
    anything: Any


class Below(BaseModel):
    note: str


class Inner(TypedDict, total=False):
    below: Below


class OfContext(BaseModel):
    name: str


class OfInput(TypedDict, total=False):
    asked: OfContext


@dataclass
class OfTool:
    found: int


@tool
def look(number: int) -> OfTool:
    """Looks."""
    return OfTool(number)


def closing_over() -> Callable[[State], State]:
    class Local(BaseModel):
        inside: int

    def node(state: State) -> State:
        return {"anything": Local(inside=1)}

    return node


def nothing(state: Any) -> dict[str, Any]:
    return {}


def compiled() -> Any:
    inner: Any = StateGraph(Inner)
    inner.add_node("below", nothing)
    inner.add_edge(START, "below")
    graph: Any = StateGraph(State, context_schema=OfContext, input_schema=OfInput)
    graph.add_node("tools", ToolNode([look]))
    graph.add_node("closing", closing_over())
    graph.add_node("inner", inner.compile())
    for node in ("tools", "closing", "inner"):
        graph.add_edge(START, node)
    return graph.compile()
