"""A graph that says something secret in every place that there is."""

from __future__ import annotations

import logging
from typing import Annotated, Any, TypedDict

from langchain_core.callbacks import adispatch_custom_event
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.config import get_stream_writer
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.runtime import Runtime
from langgraph.types import CachePolicy, interrupt

from perdure.testing import ScriptedChatModel, tool_call


def planted(what: str) -> str:
    """What is searched for. It stands nowhere as it is, so that a traceback does not show it."""
    return "-".join(("SECRET", what, "SECRET"))


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    given: str
    kept: str
    title: str
    fails: bool


@tool
async def look(query: str) -> str:
    """Look something up."""
    return planted("tool-result")


@tool
async def stumble(query: str) -> str:
    """Fail."""
    raise ValueError(planted("tool-error"))


def _answer(asked: Any) -> AIMessage | str:
    return planted("token") if len(asked.messages) > 1 else tool_call("look", {"query": planted("tool-argument")})


async def agent(state: State, runtime: Runtime[Any]) -> dict[str, Any]:
    model = ScriptedChatModel(_answer)
    call = await model.ainvoke([HumanMessage(planted("prompt"))])
    result = await look.ainvoke(call.tool_calls[0])
    try:
        await stumble.ainvoke({"query": planted("tool-argument-of-an-error")})
    except ValueError:
        logging.getLogger("perdure.tests").warning("a tool has failed", exc_info=True)
    said = await model.ainvoke([HumanMessage(planted("prompt")), result])
    get_stream_writer()({"custom": planted("custom")})
    await adispatch_custom_event("told", {"custom": planted("custom-event")})
    assert runtime.store is not None
    await runtime.store.aput(("secrets",), "key", {"value": planted("store")})
    return {"messages": [said], "kept": planted("state"), "title": planted("title")}


async def cached(state: State) -> dict[str, Any]:
    return {"messages": [AIMessage(planted("cached"))]}


async def ask(state: State) -> dict[str, Any]:
    return {"messages": [HumanMessage(interrupt({"question": planted("question")}))]}


async def end(state: State) -> dict[str, Any]:
    if state.get("fails"):
        try:
            raise KeyError(planted("cause"))
        except KeyError as exc:
            raise RuntimeError(planted("error")) from exc
    return {}


def _whole() -> Any:
    below = StateGraph(State).add_node("agent", agent).add_edge(START, "agent").compile()
    builder = StateGraph(State)
    builder.add_node("below", below)
    builder.add_node("cached", cached, cache_policy=CachePolicy(ttl=60))
    builder.add_node("ask", ask)
    builder.add_node("end", end)
    for before, after in ((START, "below"), ("below", "cached"), ("cached", "ask"), ("ask", "end")):
        builder.add_edge(before, after)
    return builder.compile()


whole = _whole()
