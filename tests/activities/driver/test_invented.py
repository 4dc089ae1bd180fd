"""Graphs of kinds that mix what others test alone: swarms, deferred joins, tools that ask, workflows of functions."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Callable
from typing import Annotated, Any, cast

import pytest
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId
from langgraph.config import get_stream_writer
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, RetryPolicy, Send, interrupt

from ..comparing import bare, differences, published
from ..driving import BackEnds, make_run
from ..worlds import State, answers, chain, noted

MODES = ("values", "updates", "tasks", "checkpoints", "custom")


class Team(MessagesState, total=False):
    active: str
    log: Annotated[list[str], operator.add]


def said(text: str) -> dict[str, Any]:
    return {"messages": [AIMessage(content=text, id=text)], "log": [text]}


def swarm() -> Any:
    """Two agents, each a graph, that hand over to each other from within."""

    def agent(name: str, other: str, turns: int) -> Any:
        async def think(state: Team) -> dict[str, Any]:
            get_stream_writer()(f"{name} thinks")
            return said(f"{name} {len(state['messages'])}")

        async def act(state: Team) -> Command[Any]:
            if len(state["messages"]) >= turns:
                return Command(update=said(f"{name} done"), goto=END)
            update = {"messages": state["messages"], "active": other, "log": [f"{name} to {other}"]}
            return Command(graph=Command.PARENT, goto=other, update=update)

        graph = StateGraph(Team).add_node("think", think).add_node("act", act)
        return graph.add_edge(START, "think").add_edge("think", "act").compile()

    def route(state: Team) -> str:
        return state.get("active", "ann")

    graph = StateGraph(Team).add_node("ann", agent("ann", "bob", 5)).add_node("bob", agent("bob", "ann", 5))
    return graph.add_conditional_edges(START, route, ["ann", "bob"]).compile()


def asking_tools() -> Any:
    """Two tools ask in parallel, a third one commands."""

    async def book(city: str, tool_call_id: Annotated[str, InjectedToolCallId]) -> ToolMessage:
        """Book."""
        return ToolMessage(f"{city}: {interrupt(f'{city}?')}", tool_call_id=tool_call_id, id=f"t {tool_call_id}")

    async def note(what: str, tool_call_id: Annotated[str, InjectedToolCallId]) -> Command[Any]:
        """Note."""
        return Command(update={"messages": [ToolMessage(what, tool_call_id=tool_call_id, id=f"t {tool_call_id}")]})

    calls = [
        {"name": "book", "args": {"city": "Rome"}, "id": "c1"},
        {"name": "note", "args": {"what": "n"}, "id": "c2"},
        {"name": "book", "args": {"city": "Oslo"}, "id": "c3"},
    ]

    async def model(state: MessagesState) -> dict[str, Any]:
        if any(isinstance(message, ToolMessage) for message in state["messages"]):
            return {"messages": [AIMessage(content="done", id="done")]}
        return {"messages": [AIMessage(content="", id="asks", tool_calls=calls)]}

    def each(state: MessagesState) -> Any:
        last: AnyMessage = state["messages"][-1]
        wanted = last.tool_calls if isinstance(last, AIMessage) else []
        one = [AIMessage(content="", id="asks", tool_calls=[call]) for call in wanted]
        return [Send("tools", {"messages": [message]}) for message in one] or END

    graph = StateGraph(MessagesState).add_node("model", model).add_node("tools", ToolNode([book, note]))
    graph.add_edge(START, "model").add_conditional_edges("model", each, ["tools", END]).add_edge("tools", "model")
    return graph.compile()


def _larger(one: int, other: int) -> int:
    return max(one, other)


class Branch(State, total=False):
    branch: Annotated[int, _larger]


def deep_fan_out() -> Any:
    """`Send`s to graphs that ask at different depths, or never, and a deferred node behind all of them."""

    async def ask(state: Branch) -> dict[str, Any]:
        return {"log": [interrupt(f"{state.get('branch')}?")]}

    def depth(state: Branch) -> str:
        return {0: "plain", 1: "ask"}.get(state.get("branch", 0), "deep")

    inner = StateGraph(Branch).add_node("i", noted([], "i", say=False)).add_node("ask", ask)
    inner.add_edge(START, "i").add_edge("i", "ask")
    branch = StateGraph(Branch).add_node("plain", chain([], "p", "q", say=False)).add_node("ask", ask)
    branch.add_node("deep", inner.compile())
    branch.add_conditional_edges(START, depth, ["plain", "ask", "deep"])

    def send(state: Branch) -> list[Send]:
        return [Send("branch", {"log": [], "branch": number}) for number in range(3)]

    graph = StateGraph(Branch).add_node("a", noted([], "a", say=False)).add_node("branch", branch.compile())
    graph.add_node("z", noted([], "z", say=False), defer=True)
    graph.add_edge(START, "a").add_conditional_edges("a", send, ["branch"]).add_edge("branch", "z")
    return graph.compile()


def functions() -> Any:
    """Tasks in parallel, one that fails at first, one that asks, and a graph that a task calls."""
    failures = iter(range(1))
    graph = chain([], "x", "y", say=False)

    @task(retry_policy=RetryPolicy(initial_interval=0.001, retry_on=ValueError))
    async def flaky(n: int) -> int:
        if n == 1 and next(failures, None) is not None:
            raise ValueError("once")
        get_stream_writer()({"n": n})
        return n * 2

    @task
    async def calls(n: int) -> list[str]:
        return (await graph.ainvoke({"log": []}))["log"]

    @entrypoint()
    async def work(given: dict[str, Any]) -> dict[str, Any]:
        doubled = await asyncio.gather(*[flaky(n) for n in range(3)])
        answer = interrupt("how?")
        return {"log": [*map(str, doubled), answer, *await calls(1)]}

    return cast("Any", work)


def late_joins() -> Any:
    """Branches of different lengths, a join, and a deferred node that loops once."""
    graph = StateGraph(State)
    for node in ("a", "b", "c", "d"):
        graph.add_node(node, noted([], node, say=False))

    async def count(state: State) -> dict[str, Any]:
        return {"n": state.get("n", 0) + 1, "log": ["count"]}

    def again(state: State) -> str:
        return "a" if state.get("n", 0) < 2 else END

    graph.add_node("late", count, defer=True)
    graph.add_edge(START, "a").add_edge("a", "b").add_edge("a", "c").add_edge("c", "d").add_edge(["b", "d"], "late")
    graph.add_conditional_edges("late", again, ["a", END])
    return graph.compile()


BUILT: dict[str, tuple[Callable[[], Any], Any]] = {
    "swarm": (swarm, {"messages": [], "log": []}),
    "tools": (asking_tools, {"messages": []}),
    "fan out": (deep_fan_out, {"log": []}),
    "functions": (functions, {"log": []}),
    "joins": (late_joins, {"log": []}),
}


@pytest.mark.parametrize("moves", [False, True], ids=["held", "a takeover at each boundary"])
@pytest.mark.parametrize("budget", [0.0, 1000.0])
@pytest.mark.parametrize("name", BUILT)
async def test_it_is_what_bare_langgraph_makes_of_it(ends: BackEnds, name: str, budget: float, moves: bool) -> None:
    build, given = BUILT[name]
    how: dict[str, Any] = {"stream_modes": MODES, "stream_subgraphs": True}
    run = await make_run(ends, build(), given=given, budget=budget, moves=moves, answer=answers, **how)
    events = await run.to_end()
    expected, final = await bare(build(), run, answers)
    assert await run.final() == final
    wrong = differences(published(events), expected, cut=moves)
    # Parallel branches of different depths ask in the order in which they come to it, which their saves decide.
    assert [one for one in wrong if (name, one) != ("fan out", "out of order")] == []
