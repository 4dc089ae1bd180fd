"""A graph with everything in it that a crash can cut: tokens, custom events, parallel tasks, a subgraph."""

import asyncio
import operator
import os
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.config import get_stream_writer
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Send

from perdure.testing import ScriptedChatModel


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    log: Annotated[list[str], operator.add]
    rounds: int
    round: int
    delay: float
    effects: str


class Inner(TypedDict):
    log: Annotated[list[str], operator.add]
    delay: float
    effects: str


async def _work(state: Any, name: str) -> None:
    """A side effect at the beginning and at the end, seen by whoever reads the file."""
    _note(state, f"{name} begins")
    await asyncio.sleep(state["delay"])
    _note(state, f"{name} ends")


def _note(state: Any, line: str) -> None:
    file = os.open(state["effects"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, f"{line}\n".encode())
    os.close(file)


async def think(state: State) -> dict[str, Any]:
    number = state["round"]
    get_stream_writer()({"thinking": number})
    words = AIMessage(f"the words of round {number}", id=f"message-{number}")
    said = await ScriptedChatModel([words]).ainvoke("go")
    await _work(state, f"think-{number}")
    return {"messages": [said], "log": [f"think-{number}"], "round": number + 1}


async def fan(state: Any) -> dict[str, Any]:
    get_stream_writer()({"fan": state["name"]})
    await _work(state, state["name"])
    return {"log": [state["name"]]}


async def join(state: State) -> dict[str, Any]:
    await _work(state, f"join-{state['round']}")
    return {}


def spread(state: State) -> list[Send] | str:
    if state["round"] > state["rounds"]:
        return "inner"
    shared = {"delay": state["delay"], "effects": state["effects"]}
    return [Send("fan", {"name": f"fan-{state['round']}-{i}", **shared}) for i in range(3)]


def _inner_step(name: str) -> Any:
    async def step(state: Inner) -> dict[str, Any]:
        await _work(state, name)
        return {"log": [name]}

    return step


def _inner() -> Any:
    inner = StateGraph(Inner)
    for name in ("inner-1", "inner-2", "inner-3"):
        inner.add_node(name, _inner_step(name))
    inner.add_edge(START, "inner-1")
    inner.add_edge("inner-1", "inner-2")
    inner.add_edge("inner-2", "inner-3")
    return inner.compile()


def build() -> StateGraph[State]:
    story = StateGraph(State)
    story.add_node("think", think)
    story.add_node("fan", fan)
    story.add_node("join", join)
    story.add_node("inner", _inner())
    story.add_edge(START, "think")
    story.add_conditional_edges("think", spread, ["fan", "inner"])
    story.add_edge("fan", "join")
    story.add_edge("join", "think")
    return story


graph = build()
