"""What a user's editor and type checker say of the worker, the plugin and `perdure.testing`. Pyright runs this."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from typing import TypedDict, assert_type

from langchain_core.messages import AIMessage
from langgraph.graph import START, StateGraph
from temporalio.client import Client
from temporalio.worker import Worker as TemporalWorker

from perdure import PerdurePlugin, RunLifecycleEvent, RunsFacade, Settings, Worker
from perdure.testing import Asked, Environment, ScriptedChatModel, environment, server, tool_call


class State(TypedDict):
    words: str


async def shout(state: State) -> State:
    return {"words": state["words"].upper()}


GRAPH = StateGraph(State).add_node("shout", shout).add_edge(START, "shout")


async def observer(event: RunLifecycleEvent) -> None: ...


async def workers(settings: Settings, client: Client) -> None:
    async with Worker(graphs={"builder": GRAPH, "compiled": GRAPH.compile()}, settings=settings) as worker:
        assert_type(worker, Worker)
        assert_type(worker.stop(), None)
    assert_type(await Worker(config="perdure.yaml", client=client).run(), None)
    TemporalWorker(client, task_queue="ours", plugins=[PerdurePlugin({"shout": GRAPH}, settings=settings)])
    Worker({"shout": GRAPH})  # pyright: ignore[reportCallIssue]
    Worker(graphs=[GRAPH])  # pyright: ignore[reportArgumentType]


async def tests(settings: Settings) -> None:
    async with server() as address, environment({"shout": GRAPH}, address=address, settings=settings) as env:
        assert_type(address, str)
        assert_type(env, Environment)
        assert_type(env.runs, RunsFacade)
        assert_type(env.client, Client)


def models() -> None:
    model = ScriptedChatModel(["hello", tool_call("search", {"query": "x"}), ValueError("no")], token_delay=0.1)
    assert_type(model.asked, list[Asked])
    assert_type(tool_call("search"), AIMessage)
    ScriptedChatModel(lambda asked: AIMessage(asked.tools[0]))
    ScriptedChatModel([1, 2])  # pyright: ignore[reportArgumentType]
