"""Graphs that pages and clients for JavaScript speak with."""

# LangGraph is only partly typed.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt
from typing_extensions import TypedDict

from .api import WORDS, graphs


class Talk(MessagesState, total=False):
    wait: float
    ask: bool


class Heard(TypedDict, total=False):
    heard: Any


class Tone(TypedDict, total=False):
    tone: str


async def _answer(state: Talk) -> Talk:
    model = GenericFakeChatModel(messages=iter([AIMessage(WORDS, id=f"ai-{len(state['messages'])}")]))
    return {"messages": [await model.ainvoke(state["messages"])]}


async def _pause(state: Talk) -> Talk:
    if not state.get("wait"):
        return {"messages": []}
    await asyncio.sleep(state.get("wait", 0.0))
    return {"messages": [AIMessage("waited")]}


async def _approve(state: Talk) -> Talk:
    if not state.get("ask"):
        return {"messages": []}
    answer = interrupt({"allow": state["messages"][0].content})
    return {"messages": [AIMessage(f"allowed: {answer}")]}


async def _hear(state: Heard, runtime: Runtime[Tone]) -> Heard:
    return {"heard": (runtime.context or {}).get("tone")}


def _talk() -> Any:
    graph = StateGraph(Talk).add_node("answer", _answer).add_node("pause", _pause).add_node("approve", _approve)
    return graph.add_edge(START, "answer").add_edge("answer", "pause").add_edge("pause", "approve").compile()


def talking() -> dict[str, Any]:
    tone = StateGraph(Heard, context_schema=Tone).add_node("hear", _hear).add_edge(START, "hear").compile()
    return {**graphs(), "talk": _talk(), "tone": tone}
