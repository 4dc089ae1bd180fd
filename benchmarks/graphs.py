"""The graphs that are measured. Every system loads them from here, so this module stands alone."""

from __future__ import annotations

import asyncio
import operator
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, NotRequired, TypedDict

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import interrupt


class Count(TypedDict):
    total: Annotated[int, operator.add]
    steps: int
    delay: float
    at: NotRequired[float]
    """When the last step ended, by the clock that all processes share."""


async def work(state: Count) -> dict[str, float]:
    await asyncio.sleep(state["delay"])
    return {"total": 1, "at": time.monotonic()}


async def on(state: Count) -> str:
    # Not a plain function: temporalio-langgraph cannot call one.
    return END if state["total"] >= state["steps"] else "work"


def counting(marks: Mapping[str, Any] | None = None) -> StateGraph[Count]:
    """`steps` supersteps that wait `delay` seconds each. `marks`: metadata that a system wants on every node."""
    graph = StateGraph(Count)
    graph.add_node("work", work, metadata=dict(marks or {}))
    graph.add_edge(START, "work")
    graph.add_conditional_edges("work", on, ["work", END])
    return graph


class Clock(BaseChatModel):
    """A model whose tokens are the time at which each was made, so that whoever gets one knows how late it is."""

    tokens: int
    interval: float
    """Seconds from one token to the next."""

    @property
    def _llm_type(self) -> str:
        return "clock"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError("it only streams")

    async def _astream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        began = time.monotonic()
        for number in range(self.tokens):
            await asyncio.sleep(began + number * self.interval - time.monotonic())
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=f"{time.monotonic():.6f} "))
            if run_manager is not None:
                await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk


class Speech(TypedDict):
    tokens: int
    interval: float
    length: int


async def speak(state: Speech) -> dict[str, int]:
    answer = await Clock(tokens=state["tokens"], interval=state["interval"]).ainvoke("?")
    return {"length": len(answer.text)}


async def write(state: Speech) -> dict[str, int]:
    emit = get_stream_writer()
    for number in range(state["tokens"]):
        emit({"number": number, "text": "something of the length of a sentence, as tools report it"})
    return {"length": state["tokens"]}


class Talk(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    calls: int
    size: int
    """Characters of each message."""


class Answers(BaseChatModel):
    """A model that answers, at once, with a text of its own each time."""

    size: int

    @property
    def _llm_type(self) -> str:
        return "answers"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(_text(self.size)))])


def _text(size: int) -> str:
    return secrets.token_hex(size // 2)


async def think(state: Talk) -> dict[str, Any]:
    return {"messages": [await Answers(size=state["size"]).ainvoke(state["messages"])]}


async def look_up(state: Talk) -> dict[str, Any]:
    return {"messages": [ToolMessage(_text(state["size"]), tool_call_id=secrets.token_hex(4))]}


def talk_on(state: Talk) -> str:
    return END if len(state["messages"]) >= 2 * state["calls"] else "look_up"


class Question(TypedDict):
    answer: str


def ask(state: Question) -> Question:
    return {"answer": interrupt("Go on?")}


graph = counting().compile()
tokens = StateGraph(Speech).add_node(speak).add_edge(START, "speak").compile()
events = StateGraph(Speech).add_node(write).add_edge(START, "write").compile()
questions = StateGraph(Question).add_node(ask).add_edge(START, "ask").compile()
agent = StateGraph(Talk).add_node(think).add_node(look_up).add_edge(START, "think").add_edge("look_up", "think")
talk = agent.add_conditional_edges("think", talk_on, ["look_up", END]).compile()
