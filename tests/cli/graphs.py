"""The graphs that the tests of the command line run."""

from __future__ import annotations

import asyncio
import gc
import operator
import time
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt

from perdure.testing import ScriptedChatModel


class Count(TypedDict, total=False):
    steps: int
    delay: float
    done: Annotated[list[int], operator.add]


async def work(state: Count) -> dict[str, Any]:
    await asyncio.sleep(state.get("delay", 0))
    return {"done": [len(state.get("done", []))]}


def more(state: Count) -> str:
    return END if len(state.get("done", [])) >= state.get("steps", 1) else "work"


count = StateGraph(Count)
count.add_node(work)
count.add_edge(START, "work")
count.add_conditional_edges("work", more, ["work", END])


class Anything(TypedDict, total=False):
    said: Any


async def fall(state: Anything) -> dict[str, Any]:
    raise ValueError("out of cheese")


fail = StateGraph(Anything)
fail.add_node(fall)
fail.add_edge(START, "fall")


def doze(state: Anything) -> dict[str, Any]:
    time.sleep(120)
    return {}


hang = StateGraph(Anything)
hang.add_node(doze)
hang.add_edge(START, "doze")


async def ask_first(state: Anything) -> dict[str, Any]:
    return {"said": [interrupt("Tea or coffee?"), interrupt("With milk?")]}


ask = StateGraph(Anything)
ask.add_node(ask_first)
ask.add_edge(START, "ask_first")


async def plan(state: MessagesState) -> dict[str, Any]:
    call = {"name": "search", "args": {"words": "cheese"}, "id": "call-1"}
    return {"messages": [AIMessage("", tool_calls=[call])]}


async def speak(state: MessagesState) -> dict[str, Any]:
    model = ScriptedChatModel([AIMessage("There is \x1b[31mno more cheese")])
    return {"messages": [await model.ainvoke("?")]}


talk = StateGraph(MessagesState)
talk.add_node(plan)
talk.add_node(speak)
talk.add_edge(START, "plan")
talk.add_edge("plan", "speak")


async def look(state: Anything) -> dict[str, Any]:
    return {"said": {"set aside": gc.get_freeze_count(), "threshold": gc.get_threshold()[0]}}


collector = StateGraph(Anything)
collector.add_node(look)
collector.add_edge(START, "look")
