"""Graphs whose code raises, in each of many places, what is no `Exception`. `what` says which."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Any, NoReturn, TypedDict

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph, add_messages
from langgraph.prebuilt import ToolNode
from langgraph.types import RetryPolicy, Send


class Panic(BaseException):
    """As Rust's `pyo3_runtime.PanicException` is."""


WHAT = {
    "SystemExit": lambda: sys.exit(2),
    "KeyboardInterrupt": lambda: _raise(KeyboardInterrupt()),
    "GeneratorExit": lambda: _raise(GeneratorExit()),
    "Panic": lambda: _raise(Panic("index out of bounds")),
    "Failed": lambda: pytest.fail("as in a test"),
    "CancelledError": lambda: _raise(asyncio.CancelledError()),
}


def _raise(error: BaseException) -> NoReturn:
    raise error


def _reduced(_: Any, right: str) -> int:
    if right in WHAT:
        WHAT[right]()
    return 0


class State(TypedDict, total=False):
    what: str
    messages: Annotated[list[AnyMessage], add_messages]
    sum: Annotated[int, _reduced]


def sync_node(state: State) -> None:
    WHAT[state.get("what", "")]()


async def async_node(state: State) -> None:
    await asyncio.sleep(0)
    WHAT[state.get("what", "")]()


async def quiet(state: State) -> dict[str, Any]:
    return {}


async def slow(state: State) -> dict[str, Any]:
    await asyncio.sleep(20)
    return {}


def routes(state: State) -> str:
    WHAT[state.get("what", "")]()
    return "node"


def sends(state: State) -> list[Send]:
    return [Send("node", state), Send("node", state)]


def adds(state: State) -> dict[str, Any]:
    return {"sum": state.get("what")}


def always(_: Exception) -> bool:
    return True


def one(node: Any, **more: Any) -> StateGraph[State]:
    return StateGraph(State).add_node("node", node, **more).add_edge(START, "node")


in_a_sync_node, in_an_async_node = one(sync_node), one(async_node)
in_a_subgraph, below_a_subgraph = one(one(async_node).compile()), one(one(one(sync_node).compile()).compile())
with_a_policy = one(async_node, retry_policy=RetryPolicy(max_attempts=5, retry_on=always))
beside_another = one(async_node).add_node("slow", slow).add_edge(START, "slow")
in_an_edge = one(quiet).add_conditional_edges("node", routes, ["node", "__end__"])
at_the_start = StateGraph(State).add_node("node", quiet)
at_the_start.add_conditional_edges(START, routes, ["node"])
in_a_reducer = one(adds)
sent = StateGraph(State).add_node("node", async_node)
sent.add_conditional_edges(START, sends, ["node"])


async def gathers(state: State) -> None:
    await asyncio.gather(async_node(state), asyncio.sleep(0))


async def spawns(state: State) -> None:
    await asyncio.create_task(async_node(state))


async def calls(state: State) -> None:
    await one(sync_node).compile().ainvoke(state)


def calls_in_a_thread(state: State) -> None:
    one(sync_node).compile().invoke(state)


in_a_gathered_task, in_a_spawned_task, in_a_called_graph = one(gathers), one(spawns), one(calls)
in_a_graph_called_in_a_thread = one(calls_in_a_thread)


@tool
async def exits(what: str) -> str:
    """End the process."""
    WHAT[what]()
    return ""


@tool
def exits_in_a_thread(what: str) -> str:
    """End the process."""
    WHAT[what]()
    return ""


def _called(name: str) -> Any:
    def call(state: State) -> dict[str, Any]:
        call = {"name": name, "args": {"what": state.get("what")}, "id": "1"}
        return {"messages": [AIMessage("", tool_calls=[call, {**call, "id": "2"}])]}

    return call


def _agent(name: str) -> StateGraph[State]:
    agent = StateGraph(State).add_node("model", _called(name)).add_node("tools", ToolNode([exits, exits_in_a_thread]))
    return agent.add_edge(START, "model").add_edge("model", "tools")


in_a_tool, in_a_tool_in_a_thread = _agent("exits"), _agent("exits_in_a_thread")


@task
async def exits_in_a_task(state: dict[str, str]) -> None:
    WHAT[state["what"]]()


@entrypoint()
async def in_a_function(state: dict[str, str]) -> None:
    await exits_in_a_task(state)


class _Handler(BaseCallbackHandler):
    raise_error = True

    def __init__(self, what: str) -> None:
        self.what = what

    def on_tool_start(self, *args: Any, **more: Any) -> None:
        WHAT[self.what]()


async def reports(state: State) -> None:
    await exits.ainvoke({"what": ""}, {"callbacks": [_Handler(state.get("what", ""))]})


in_a_callback = one(reports)


def in_a_factory(config: RunnableConfig) -> StateGraph[State]:
    WHAT[config.get("configurable", {})["what"]]()
    return one(quiet)


async def in_an_async_factory(config: RunnableConfig) -> StateGraph[State]:
    await asyncio.gather(async_node({"what": config.get("configurable", {})["what"]}))
    return one(quiet)


async def _step(state: State) -> dict[str, Any]:
    await asyncio.sleep(0.3)
    return {"messages": ["step"]}


def _again(state: State) -> str:
    return "step" if len(state.get("messages", ())) < 10 else "__end__"


other = StateGraph(State).add_node("step", _step).add_edge(START, "step")
other.add_conditional_edges("step", _again, ["step", "__end__"])

PLACES = sorted(
    name
    for name, value in vars().items()
    if name.startswith(("in_a", "with_", "below_", "beside_", "at_", "sent")) and value is not None
)
