"""Graphs that clients of the API call."""

# LangGraph is only partly typed.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
from __future__ import annotations

import asyncio
import operator
from typing import Annotated, Any

from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from perdure import current_actor

WORDS = "It is sunny today."


class Steps(TypedDict, total=False):
    tag: str
    wait: float
    log: Annotated[list[str], operator.add]


class Asking(TypedDict, total=False):
    question: str
    answer: Any


class Context(TypedDict, total=False):
    tone: str


def _step(name: str) -> Any:
    async def step(state: Steps) -> Steps:
        await asyncio.sleep(state.get("wait", 0.0))
        return {"log": [f"{name}:{state.get('tag', '')}"]}

    return step


async def _ask(state: Asking) -> Asking:
    return {"answer": interrupt({"question": state.get("question")})}


class Seen(TypedDict, total=False):
    user: Any
    headers: dict[str, str]
    owner: str | None


async def _who(state: Seen, config: RunnableConfig) -> Seen:
    configurable = config.get("configurable", {})
    user, actor = configurable.get("langgraph_auth_user"), current_actor()
    named = None if user is None else [user.identity, user["identity"], user.get("team"), [*user.permissions]]
    headers = {key: str(value) for key, value in configurable.items() if key.startswith("x-")}
    return {"user": named, "headers": headers, "owner": None if actor is None else actor.user_id}


async def _fail(state: Steps) -> Steps:
    raise ValueError("boom")


async def _speak(state: Steps) -> Steps:
    get_stream_writer()({"said": state.get("tag")})
    return {"log": ["spoke"]}


async def _answer(state: MessagesState) -> MessagesState:
    model = GenericFakeChatModel(messages=iter([AIMessage(WORDS, id=f"ai-{len(state['messages'])}")]))
    return {"messages": [await model.ainvoke(state["messages"])]}


def _chain() -> StateGraph[Steps, Context]:
    graph = StateGraph(Steps, context_schema=Context)
    for before, node in zip((START, "a", "b"), "abc", strict=True):
        graph.add_node(node, _step(node))
        graph.add_edge(before, node)
    return graph


def graphs() -> dict[str, Any]:
    chain = _chain().add_edge("c", END).compile()
    return {
        "steps": chain,
        "ask": StateGraph(Asking).add_node("ask", _ask).add_edge(START, "ask").compile(),
        "fails": StateGraph(Steps).add_node("fail", _fail).add_edge(START, "fail").compile(),
        "custom": StateGraph(Steps).add_node("speak", _speak).add_edge(START, "speak").compile(),
        "chat": StateGraph(MessagesState).add_node("answer", _answer).add_edge(START, "answer").compile(),
        "who": StateGraph(Seen).add_node("who", _who).add_edge(START, "who").compile(),
        "parent": StateGraph(Steps).add_node("child", chain).add_edge(START, "child").compile(),
    }


def steps() -> Any:
    """For a worker that is a process of its own."""
    return graphs()["steps"]
