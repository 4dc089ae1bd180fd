"""Agents with tools, subagents and parallel branches, over a model that follows a script; served by workers, too.

What the model says is a pure function of the conversation, and so are the ids of its messages.
"""

from __future__ import annotations

import asyncio
import operator
import os
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypedDict, cast

from langchain_core.callbacks import adispatch_custom_event
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, Send, interrupt

from perdure.testing import Asked, ScriptedChatModel

DELAY = float(os.environ.get("AGENTS_DELAY", "0"))


class Chat(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    notes: Annotated[list[str], operator.add]
    topic: str
    title: str


def _usage(messages: Sequence[BaseMessage], said: str) -> Any:
    read, written = sum(len(str(message.content).split()) for message in messages), len(said.split())
    return {
        "input_tokens": read,
        "output_tokens": written,
        "total_tokens": read + written,
        "input_token_details": {"cache_read": 1},
        "output_token_details": {"reasoning": 2},
    }


def scripted(
    script: Sequence[tuple[str, dict[str, Any]]] = (), *, name: str = "script-1", delay: float = DELAY
) -> ScriptedChatModel:
    """Calls the tools of its script one after the other, then answers, in about `delay` seconds, as a whole."""

    def answer(asked: Asked) -> AIMessage:
        answered = sum(isinstance(message, ToolMessage) for message in asked.messages)
        said = f"{name} after {answered} of {asked.messages[0].content}"
        calls: list[Any] = []
        if answered < len(script):
            tool_name, args = script[answered]
            calls = [{"name": tool_name, "args": args, "id": f"call-{answered}"}]
        return AIMessage(
            said,
            tool_calls=calls,
            usage_metadata=_usage(asked.messages, said),
            response_metadata={"model_name": f"{name}-2026"},
        )

    return ScriptedChatModel(answer, model_name=name, token_delay=delay / 8, disable_streaming=True)


def loop_of(model: ScriptedChatModel, tools: Sequence[Any], **compiled: Any) -> Any:
    """The usual agent: model, tools, model, … until it calls none."""

    async def think(state: Chat) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state.get("messages", []))]}

    def after(state: Chat) -> str:
        last = state.get("messages", [])[-1]
        return "tools" if isinstance(last, AIMessage) and last.tool_calls else END

    graph = StateGraph(Chat)
    graph.add_node("think", think)
    graph.add_node("tools", ToolNode(list(tools), handle_tool_errors=True))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", after, ["tools", END])
    graph.add_edge("tools", "think")
    return graph.compile(**compiled)


@tool
async def search(query: str) -> str:
    """Search."""
    await asyncio.sleep(DELAY)
    return f"found {query}"


@tool
def compute(number: int) -> int:
    """Compute, in a thread."""
    return number * 2


@tool
async def broken(why: str) -> str:
    """Fail."""
    raise ValueError(why)


def simple() -> Any:
    """A loop of tools, one of which fails."""
    script = [("search", {"query": "a"}), ("compute", {"number": 2}), ("broken", {"why": "no"})]
    return loop_of(scripted(script), [search, compute, broken])


def _research(**compiled: Any) -> Any:
    script = [("search", {"query": "x"}), ("search", {"query": "y"})]
    return loop_of(scripted(script, name="script-2"), [search], **compiled)


def subagent(**compiled: Any) -> Any:
    """A tool that calls another agent, which has tools of its own."""
    inner = _research(**compiled)

    @tool
    async def delegate(task: str) -> str:
        """Let another agent do it."""
        found = await inner.ainvoke({"messages": [HumanMessage(task)]})
        return str(found["messages"][-1].content)

    script = [("search", {"query": "a"}), ("delegate", {"task": "b"}), ("compute", {"number": 3})]
    return loop_of(scripted(script), [search, delegate, compute])


def forgetful() -> Any:
    """A subagent that keeps no checkpoints: it starts anew with its tool."""
    return subagent(checkpointer=False)


def branches() -> Any:
    """Parallel branches of one name, each with a model and a subagent, a plain function, and a middleware."""
    inner = _research()

    async def branch(state: Chat) -> dict[str, Any]:
        topic = state.get("topic", "")
        said = await scripted().ainvoke([SystemMessage(f"topic {topic}")])
        await asyncio.sleep(DELAY)
        found = await inner.ainvoke({"messages": [HumanMessage(f"{topic} {said.content}")]})
        again = await scripted(name="script-3").ainvoke([SystemMessage(f"sum {topic}"), found["messages"][-1]])
        return {"notes": [str(again.content)]}

    def plain(state: Chat) -> dict[str, Any]:
        return {"notes": [str(scripted().invoke([HumanMessage("plain")]).content)]}

    async def sum_up(state: Chat) -> dict[str, Any]:
        model = scripted().with_config(tags=["middleware:summarize"])
        said = await model.ainvoke([SystemMessage("sum"), *map(SystemMessage, sorted(state.get("notes", [])))])
        await adispatch_custom_event("middleware:title", {"title": "A title"})
        return {"messages": [AIMessage(cast("str", said.content))]}

    def spread(state: Chat) -> list[Send]:
        return [Send("branch", {"topic": f"t{number}"}) for number in range(3)]

    graph = StateGraph(Chat)
    graph.add_node("branch", branch)
    graph.add_node("plain", plain)
    graph.add_node("sum_up", sum_up)
    graph.add_node("begin", lambda state: {"notes": []})  # pyright: ignore[reportUnknownLambdaType]
    graph.add_edge(START, "begin")
    graph.add_conditional_edges("begin", spread, ["branch"])
    graph.add_edge("begin", "plain")
    graph.add_edge(["branch", "plain"], "sum_up")
    return graph.compile()


def nested() -> Any:
    """An agent in a subgraph of a subgraph, and one after it that hands over with a command."""
    middle = StateGraph(Chat)
    middle.add_node("agent", _research())
    middle.add_node("report", _say("report", "script-3"))
    middle.add_edge(START, "agent")
    middle.add_edge("agent", "report")

    @tool
    def hand_over(to: str) -> Command[Any]:
        """Hand over."""
        told = ToolMessage(f"over to {to}", tool_call_id="call-0", id="told")
        return Command(update={"messages": [told], "title": "By state"})

    graph = StateGraph(Chat)
    graph.add_node("first", _say("first", "script-1"))
    graph.add_node("middle", middle.compile())
    graph.add_node("last", loop_of(scripted([("search", {"query": "q"})]), [search, hand_over]))
    graph.add_edge(START, "first")
    graph.add_edge("first", "middle")
    graph.add_edge("middle", "last")
    return graph.compile()


def _say(word: str, model: str) -> Any:
    async def say(state: Chat) -> dict[str, Any]:
        said = await scripted(name=model).ainvoke([SystemMessage(word), *state.get("messages", [])[:1]])
        return {"notes": [str(said.content)]}

    return say


def asking() -> Any:
    """A tool that asks, after a model that has spoken in the same node, beside a branch that works."""

    @tool
    async def ask(question: str) -> str:
        """Ask the human."""
        await scripted(name="script-2").ainvoke([SystemMessage("before the question")])
        return str(interrupt(question))

    agent = loop_of(scripted([("ask", {"question": "sure?"}), ("search", {"query": "z"})]), [ask, search])
    graph = StateGraph(Chat)
    graph.add_node("agent", agent)
    graph.add_node("beside", _say("beside", "script-3"))
    graph.add_edge(START, "agent")
    graph.add_edge(START, "beside")
    return graph.compile()


AGENTS: dict[str, Callable[[], Any]] = {
    build.__name__: build for build in (simple, subagent, forgetful, branches, nested, asking)
}
