"""A graph that answers, waits, and says so: for a worker that is a process of its own, and is killed meanwhile."""

# LangGraph is only partly typed.
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph


class Pausing(MessagesState, total=False):
    wait: float


async def _answer(state: Pausing) -> Pausing:
    said = AIMessage("It is sunny today.", id=f"ai-{len(state['messages'])}")
    return {"messages": [await GenericFakeChatModel(messages=iter([said])).ainvoke(state["messages"])]}


async def _pause(state: Pausing) -> Pausing:
    if not state.get("wait"):
        return {"messages": []}
    await asyncio.sleep(state.get("wait", 0.0))
    return {"messages": [AIMessage("waited")]}


def pausing() -> Any:
    graph = StateGraph(Pausing).add_node("answer", _answer).add_node("pause", _pause)
    return graph.add_edge(START, "answer").add_edge("answer", "pause").compile()
