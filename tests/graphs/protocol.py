"""Graphs whose runs have something for each channel of the thread protocol."""

# LangGraph is only partly typed.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
from __future__ import annotations

import asyncio
import operator
from typing import Annotated, Any

from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import interrupt
from typing_extensions import TypedDict

from perdure.testing import Asked, ScriptedChatModel

from .talk import talking


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    if city == "Nowhere":
        raise ValueError("no such city")
    return f"sunny in {city}"


def _answer(asked: Asked) -> AIMessage:
    results = [message for message in asked.messages if isinstance(message, ToolMessage)]
    city = str(asked.messages[-1 - len(results) * 2].content)
    if results:
        return AIMessage(f"It is {results[-1].content}.", id=f"said-{len(asked.messages)}")
    call: Any = {"name": "weather", "args": {"city": city}, "id": "call_1"}
    return AIMessage("", id=f"said-{len(asked.messages)}", tool_calls=[call])


async def _model(state: MessagesState) -> MessagesState:
    model = ScriptedChatModel(_answer, token_delay=0.02).bind_tools([weather])
    return {"messages": [await model.ainvoke(state["messages"])]}


def agent() -> Any:
    graph = StateGraph(MessagesState).add_node("model", _model).add_node("tools", ToolNode([weather]))
    graph.add_edge(START, "model").add_conditional_edges("model", tools_condition).add_edge("tools", "model")
    return graph.compile()


class Asked2(TypedDict, total=False):
    answers: Annotated[list[Any], operator.add]
    words: int
    pause: float


def _asking(name: str) -> Any:
    async def ask(state: Asked2) -> Asked2:
        return {"answers": [interrupt({"of": name})]}

    return ask


def two_questions() -> Any:
    graph = StateGraph(Asked2).add_node("left", _asking("left")).add_node("right", _asking("right"))
    return graph.add_edge(START, "left").add_edge(START, "right").compile()


def asked_within() -> Any:
    inner = StateGraph(Asked2).add_node("ask", _asking("inner")).add_edge(START, "ask").compile()
    return StateGraph(Asked2).add_node("inner", inner).add_edge(START, "inner").compile()


async def _write(state: Asked2) -> Asked2:
    write = get_stream_writer()
    for number in range(state.get("words", 2)):
        write({"number": number})
        write({"name": "progress", "payload": number})
        await asyncio.sleep(state.get("pause", 0.0))
    return {"answers": ["written"]}


def writer() -> Any:
    return StateGraph(Asked2).add_node("write", _write).add_edge(START, "write").compile()


def protocol_graphs() -> dict[str, Any]:
    return {
        **talking(),
        "agent": agent(),
        "two": two_questions(),
        "within": asked_within(),
        "writer": writer(),
    }
