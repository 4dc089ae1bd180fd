"""Graphs that are looked at in the page."""

# LangGraph is only partly typed.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
from __future__ import annotations

import asyncio
import operator
from typing import Annotated, Any

from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import interrupt
from typing_extensions import TypedDict

from perdure.testing import Asked, ScriptedChatModel, tool_call

MARKUP = "<script>window.hit = 1</script><img src=x onerror='window.hit = 1'>"
"""What must be shown as it is."""


LONG = "W" * 3000
"""What no line has room for."""
TURNED = "\u202eturned"
"""What would turn round what stands after it."""


class Steps(TypedDict, total=False):
    wait: float
    topic: str
    log: Annotated[list[str], operator.add]
    answer: Any


@tool
async def search(query: str) -> str:
    """Look something up."""
    await asyncio.sleep(0.3)
    return f"three pages on {query}"


def _said(asked: Asked) -> Any:
    if asked.messages[-1].type != "tool":
        return tool_call("search", {"query": "fencing tokens"})
    return "A fencing token is a number that grows with each holder of a lock, so that a late writer is told apart."


def agent() -> Any:
    """A model that calls a tool and answers."""
    model = ScriptedChatModel(_said)

    async def think(state: MessagesState) -> MessagesState:
        await asyncio.sleep(0.2)
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node("agent", think).add_node("tools", ToolNode([search]))
    graph.add_edge(START, "agent").add_conditional_edges("agent", tools_condition).add_edge("tools", "agent")
    return graph.compile()


def spends() -> Any:
    """It asks a model, and then takes its time."""
    model = ScriptedChatModel(lambda asked: "Much.")

    async def think(state: Steps) -> Steps:
        return {"answer": (await model.ainvoke("How much is it?")).text}

    graph = StateGraph(Steps).add_node("think", think).add_node("hold", _step("hold"))
    return graph.add_edge(START, "think").add_edge("think", "hold").compile()


def _step(name: str) -> Any:
    async def step(state: Steps) -> Steps:
        await asyncio.sleep(state.get("wait", 0.0))
        return {"log": [name]}

    return step


def research() -> Any:
    """With a graph within."""
    inner = StateGraph(Steps).add_node("gather", _step("gather")).add_node("weigh", _step("weigh"))
    inner.add_edge(START, "gather").add_edge("gather", "weigh").add_edge("weigh", END)
    graph = StateGraph(Steps)
    for name in ("plan", "write"):
        graph.add_node(name, _step(name))
    graph.add_node("research", inner.compile()).add_edge(START, "plan").add_edge("plan", "research")
    return graph.add_edge("research", "write").add_edge("write", END).compile()


async def _review(state: Steps) -> Steps:
    asked = {
        "action_requests": [{"name": "send_mail", "args": {"to": "ann@example.com"}, "description": "May it be sent?"}],
        "review_configs": [{"action_name": "send_mail", "allowed_decisions": ["approve", "edit", "reject"]}],
    }
    return {"answer": interrupt(asked)}


async def _fail(state: Steps) -> Steps:
    if state.get("wait", 0.0) >= 0:
        raise ValueError("the quota is used up")
    return {"log": ["passed"]}


async def _wild(state: Steps) -> Steps:
    if state.get("topic") == "fail":
        raise ValueError(MARKUP)
    return {"answer": interrupt(MARKUP), "log": [MARKUP]}


async def _paint(state: MessagesState) -> MessagesState:
    picture = {"type": "image_url", "image_url": {"url": "https://elsewhere.example/x.png"}}
    return {"messages": [AIMessage([{"type": "text", "text": MARKUP}, picture])]}


def unlucky() -> Any:
    """The second of its steps fails once."""
    tried: list[str] = []

    async def charge(state: Steps) -> Steps:
        tried.append("")
        if len(tried) == 1:
            raise ConnectionError("the bank does not answer")
        return {"log": ["passed"]}

    graph = StateGraph(Steps).add_node("plan", _step("plan")).add_node("charge", charge)
    return graph.add_edge(START, "plan").add_edge("plan", "charge").compile()


async def _sprawl(state: MessagesState) -> MessagesState:
    if state["messages"][-1].text == "fail":
        raise ValueError(f"{TURNED} {LONG}")
    return {"messages": [AIMessage(str(interrupt({"action_requests": [{"name": LONG, "args": {LONG: LONG}}]})))]}


async def _sleep(state: MessagesState) -> MessagesState:
    seconds = state["messages"][-1].text
    await asyncio.sleep(float(seconds))
    return {"messages": [AIMessage(f"slept for {seconds} s")]}


def names() -> Any:
    """Nodes that are called as what each object has in JavaScript, and graphs that are alone in the one around them."""
    inner = StateGraph(Steps).add_node("alone", _step("alone")).add_edge(START, "alone").compile()
    middle = StateGraph(Steps).add_node("within", inner).add_edge(START, "within").compile()
    graph = StateGraph(Steps)
    graph.add_node("__proto__", lambda state: {"answer": {}})
    graph.add_node("constructor", lambda state: {"answer": {"__proto__": 1, "constructor": 2}})
    graph.add_node("without", middle).add_edge(START, "__proto__").add_edge("__proto__", "constructor")
    return graph.add_edge("constructor", "without").compile()


def graphs() -> dict[str, Any]:
    return {
        "agent": agent(),
        "research": research(),
        "spends": spends(),
        "unlucky": unlucky(),
        "review": StateGraph(Steps).add_node("review", _review).add_edge(START, "review").compile(),
        "fails": StateGraph(Steps).add_node("charge", _fail).add_edge(START, "charge").compile(),
        "paints": StateGraph(MessagesState).add_node("paint", _paint).add_edge(START, "paint").compile(),
        "names": names(),
        "sleeps": StateGraph(MessagesState).add_node("sleep", _sleep).add_edge(START, "sleep").compile(),
        "sprawls": StateGraph(MessagesState).add_node("sprawl", _sprawl).add_edge(START, "sprawl").compile(),
        "wild": StateGraph(Steps).add_node(MARKUP, _wild).add_edge(START, MARKUP).compile(),
    }
