"""Graphs whose runs leave something of every kind in a thread."""

from __future__ import annotations

import asyncio
import operator
import threading
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, TypedDict, cast

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels.delta import DeltaChannel
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, Send, interrupt

from .making import CompiledGraph


def appended(state: Any, writes: Sequence[list[str]]) -> list[str]:
    return [*(state or []), *(word for write in writes for word in write)]


def latest(_: str, word: str) -> str:
    return word


class State(TypedDict, total=False):
    log: Annotated[list[str], operator.add]
    told: Annotated[list[str], DeltaChannel(appended)]
    messages: Annotated[list[AnyMessage], add_messages]
    last: Annotated[str, latest]


def said(word: str) -> dict[str, Any]:
    return {"log": [word], "told": [word], "last": word}


GREETING: dict[str, Any] = {**said("in"), "messages": [HumanMessage("hello", id="hello")]}


def line(*names: str, asks: str = "") -> StateGraph[State]:
    """Step after step; the one named `asks` asks twice."""
    builder = StateGraph(State)
    for before, name in zip((START, *names), names, strict=False):

        def step(state: State, name: str = name) -> dict[str, Any]:
            answers = [interrupt(f"{name} 1?"), interrupt(f"{name} 2?")] if name == asks else []
            return said("/".join((name, *answers, str(len(state.get("log", []))))))

        builder.add_node(name, step)
        builder.add_edge(before, name)
    return builder


@cache
def chat() -> CompiledGraph:
    """Adds a message, removes the oldest one, sends itself work."""

    def agent(state: State) -> dict[str, Any]:
        number = len(state.get("messages", []))
        return {**said(f"agent {number}"), "messages": [AIMessage("well", id=f"ai-{number}")]}

    def fan(state: State) -> Command[Any]:
        return Command(update=said("fan"), goto=[Send("work", {"last": word}) for word in "xyz"])

    def work(state: State) -> dict[str, Any]:
        return {"log": [f"work {state.get('last')}"]}

    def tidy(state: State) -> dict[str, Any]:
        return {"messages": [RemoveMessage(id=str(state.get("messages", [])[0].id))]}

    builder = StateGraph(State)
    for node in (agent, fan, work, tidy):
        builder.add_node(node.__name__, node)
    builder.add_edge(START, "agent")
    builder.add_edge("agent", "fan")
    builder.add_edge("work", "tidy")
    return builder.compile()


@cache
def asking(kept: bool | None = None) -> CompiledGraph:
    """Three questions side by side, one of them in a subgraph within a subgraph, beside work that finishes.

    `kept`: the subgraphs keep their state from one invocation to the next.
    """
    inner = line("first", "nested", asks="nested").compile(checkpointer=kept)
    middle = line("before")
    middle.add_node("inner", inner)
    middle.add_edge("before", "inner")
    called = line("called", "asked", asks="asked").compile(checkpointer=kept)

    def asks(state: State) -> dict[str, Any]:
        return said(f"{interrupt('one?')} {interrupt('another?')}")

    async def calls(state: State) -> dict[str, Any]:
        return said((await called.ainvoke({"log": ["to called"]}))["last"])

    def works(state: State) -> dict[str, Any]:
        return said("works")

    builder = line("start", "end")
    builder.edges.discard(("start", "end"))
    builder.add_node("middle", middle.compile(checkpointer=kept))
    for node in (asks, calls, works):
        builder.add_node(node.__name__, node)
    branches = ["asks", "calls", "works", "middle"]
    for name in branches:
        builder.add_edge("start", name)
    builder.add_edge(branches, "end")
    return builder.compile()


@cache
def keeping() -> CompiledGraph:
    """`asking`, with subgraphs that keep their state."""
    return asking(kept=True)


@cache
def small() -> CompiledGraph:
    """One question, in a subgraph that keeps its state."""
    builder = StateGraph(State)
    builder.add_node("inner", line("nested", asks="nested").compile(checkpointer=True))
    builder.add_edge(START, "inner")
    return builder.compile()


def failing() -> CompiledGraph:
    """One of two branches fails in the run `greeting`, and after the word `fail`."""

    async def fails(state: State, config: RunnableConfig) -> dict[str, Any]:
        if "fail" in state.get("log", []) or config.get("metadata", {}).get("run_id") == "greeting":
            await done.wait()
            raise ValueError("on purpose")
        return said("fails no more")

    async def works(state: State) -> dict[str, Any]:
        done.set()
        return said("works")

    done = asyncio.Event()
    builder = line("start", "end")
    builder.edges.discard(("start", "end"))
    for node in (fails, works):
        builder.add_node(node.__name__, node)
        builder.add_edge("start", node.__name__)
    builder.add_edge(["fails", "works"], "end")
    return builder.compile()


@cache
def wilful() -> CompiledGraph:
    """Nodes that call graphs in their own ways: with a config of their own, from a thread, with an update."""
    called = line("a", "b").compile()
    kept = line("c", "d").compile(checkpointer=True)
    bound = line("e").compile().with_config({"metadata": {"run_id": "bound"}})
    empty: State = {"log": []}

    async def claims(state: State) -> dict[str, Any]:
        return said((await called.ainvoke(empty, {"metadata": {"run_id": "of the node"}, "tags": ["tag"]}))["last"])

    async def binds(state: State) -> dict[str, Any]:
        return said((await bound.ainvoke(empty))["last"])

    def waits(state: State) -> dict[str, Any]:
        return said(called.invoke(empty)["last"])

    def threads(state: State) -> dict[str, Any]:
        thread = threading.Thread(target=lambda: called.invoke(empty))
        thread.start()
        thread.join()
        return said("threads")

    async def updates(state: State) -> dict[str, Any]:
        await kept.ainvoke(empty)
        return said((await kept.ainvoke(empty, {"metadata": {"run_id": "of the node"}}))["last"])

    builder = StateGraph(State)
    before = START
    for node in (claims, binds, waits, threads, updates):
        builder.add_node(node.__name__, node)
        builder.add_edge(before, node.__name__)
        before = node.__name__
    return builder.compile()


@cache
def functional() -> CompiledGraph:
    """An entrypoint with tasks, a question and a subgraph, which remembers its last result."""
    called = line("a", "asked", asks="asked").compile()

    @task
    async def doubled(word: str) -> str:
        return word * 2

    async def story(given: dict[str, Any], *, previous: str | None = None) -> str:
        words = await asyncio.gather(*(doubled(word) for word in "ab"))
        answer = interrupt("functional?")
        last = (await called.ainvoke({"log": []}))["last"]
        return "/".join((previous or "", *words, str(answer), last, str(given["last"])))

    return cast("CompiledGraph", entrypoint()(story))
