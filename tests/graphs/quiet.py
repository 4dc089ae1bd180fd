"""A graph whose tools are silent for a long time, each in its own way."""

import asyncio
import operator
import os
import time
from typing import Annotated, Any, TypedDict

from langgraph.graph import START, StateGraph


class State(TypedDict):
    how: str
    seconds: float
    effects: str
    log: Annotated[list[str], operator.add]


def _note(state: State) -> None:
    file = os.open(state["effects"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, b"began\n")
    os.close(file)


async def blocks(state: State) -> dict[str, Any]:
    _note(state)
    time.sleep(state["seconds"])  # noqa: ASYNC251 - as a careless node does
    return {"log": ["blocks"]}


async def waits(state: State) -> dict[str, Any]:
    _note(state)
    await asyncio.sleep(state["seconds"])
    return {"log": ["waits"]}


def in_a_thread(state: State) -> dict[str, Any]:
    _note(state)
    time.sleep(state["seconds"])
    return {"log": ["in_a_thread"]}


def chosen(state: State) -> str:
    return state["how"]


graph = StateGraph(State)
graph.add_node("blocks", blocks)
graph.add_node("waits", waits)
graph.add_node("in_a_thread", in_a_thread)
graph.add_conditional_edges(START, chosen, ["blocks", "waits", "in_a_thread"])
