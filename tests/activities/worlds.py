"""Small graphs, each with something in it that a slice could get wrong. Every `build` notes its side effects."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Callable
from typing import Annotated, Any, TypedDict, cast

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.cache.memory import InMemoryCache
from langgraph.config import get_stream_writer
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import CachePolicy, Command, Send, interrupt

from perdure.testing import ScriptedChatModel

Effects = list[str]


class State(TypedDict, total=False):
    log: Annotated[list[str], operator.add]
    n: int


class Chat(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    log: Annotated[list[str], operator.add]
    n: int


def noted(effects: Effects, name: str, *, delay: float = 0.0, say: bool = True) -> Any:
    """A node that emits, works, emits again, and logs its name."""

    async def node(state: Any) -> dict[str, Any]:
        if say:
            get_stream_writer()({"node": name, "part": 1})
        await asyncio.sleep(delay)
        effects.append(name)
        if say:
            get_stream_writer()({"node": name, "part": 2})
        return {"log": [name]}

    return node


def chain(effects: Effects, *names: str, say: bool = True, **compiled: Any) -> Any:
    graph = StateGraph(State)
    for before, name in zip((START, *names), names, strict=False):
        graph.add_node(name, noted(effects, name, say=say))
        graph.add_edge(before, name)
    return graph.compile(**compiled)


def sequence(*nodes: Any, **compiled: Any) -> Any:
    """Nodes and graphs, one after the other, each named by its place."""
    graph, before = StateGraph(State), START
    for place, node in enumerate(nodes):
        graph.add_node(f"n{place}", node)
        graph.add_edge(before, f"n{place}")
        before = f"n{place}"
    return graph.compile(**compiled)


def line(effects: Effects) -> Any:
    return chain(effects, "a", "b", "c", "d")


def loop(effects: Effects, turns: int = 6) -> Any:
    async def work(state: State) -> dict[str, Any]:
        effects.append(f"work{state.get('n', 0)}")
        return {"n": state.get("n", 0) + 1}

    def again(state: State) -> str:
        return END if state.get("n", 0) >= turns else "work"

    graph = StateGraph(State)
    graph.add_node("work", work)
    graph.add_edge(START, "work")
    graph.add_conditional_edges("work", again, ["work", END])
    return graph.compile()


def fan_out(effects: Effects) -> Any:
    """Tasks of one name with equal results."""

    async def fan(state: Any) -> dict[str, Any]:
        get_stream_writer()({"node": "fan", "i": state["i"]})
        await asyncio.sleep(0)
        effects.append(f"fan{state['i']}")
        return {"log": ["fan"]}

    async def spread(state: State) -> dict[str, Any]:
        return {"n": state.get("n", 0) + 1}

    def each(state: State) -> list[Send]:
        return [Send("fan", {"i": number}) for number in range(3)]

    def again(state: State) -> str:
        return END if state.get("n", 0) > 1 else "spread"

    graph = StateGraph(State)
    graph.add_node("spread", spread)
    graph.add_node("fan", fan)
    graph.add_node("join", noted(effects, "join"))
    graph.add_edge(START, "spread")
    graph.add_conditional_edges("spread", each, ["fan"])
    graph.add_edge("fan", "join")
    graph.add_conditional_edges("join", again, ["spread", END])
    return graph.compile()


def silent(effects: Effects) -> Any:
    """Nodes that change nothing."""

    async def nothing(state: State) -> None:
        effects.append("nothing")

    async def empty(state: State) -> dict[str, Any]:
        effects.append("empty")
        return {}

    graph = StateGraph(State)
    graph.add_node("a", noted(effects, "a"))
    graph.add_node("nothing", nothing)
    graph.add_node("empty", empty)
    graph.add_node("z", noted(effects, "z"))
    for before, name in ((START, "a"), ("a", "nothing"), ("nothing", "empty"), ("empty", "z")):
        graph.add_edge(before, name)
    return graph.compile()


def same(effects: Effects) -> Any:
    """Supersteps whose state is equal to the one before."""

    async def keep(state: State) -> dict[str, Any]:
        effects.append("keep")
        return {"n": 1}

    graph = StateGraph(State)
    for before, name in ((START, "a"), ("a", "b"), ("b", "c")):
        graph.add_node(name, keep)
        graph.add_edge(before, name)
    return graph.compile()


def _talker(effects: Effects, name: str, words: str) -> Any:
    async def talk(state: Chat) -> dict[str, Any]:
        model = ScriptedChatModel([AIMessage(words, id=f"message-{name}")])
        said = await model.ainvoke("go")
        effects.append(name)
        return {"messages": [said], "log": [name]}

    return talk


def talk(effects: Effects) -> Any:
    graph = StateGraph(Chat)
    for before, name in ((START, "one"), ("one", "two"), ("two", "three")):
        graph.add_node(name, _talker(effects, name, f"the words of {name}"))
        graph.add_edge(before, name)
    return graph.compile()


def nested(effects: Effects) -> Any:
    """A subgraph of a subgraph, between two nodes."""
    middle = StateGraph(State)
    middle.add_node("m0", noted(effects, "m0"))
    middle.add_node("inner", chain(effects, "i1", "i2", "i3"))
    middle.add_edge(START, "m0")
    middle.add_edge("m0", "inner")
    graph = StateGraph(State)
    graph.add_node("a", noted(effects, "a"))
    graph.add_node("middle", middle.compile())
    graph.add_node("z", noted(effects, "z"))
    for before, name in ((START, "a"), ("a", "middle"), ("middle", "z")):
        graph.add_edge(before, name)
    return graph.compile()


def beside(effects: Effects) -> Any:
    """Two subgraphs and a node in one superstep."""
    graph = StateGraph(State)
    graph.add_node("left", chain(effects, "l1", "l2", "l3"))
    graph.add_node("right", chain(effects, "r1", "r2"))
    graph.add_node("alone", noted(effects, "alone"))
    graph.add_node("z", noted(effects, "z"))
    for name in ("left", "right", "alone"):
        graph.add_edge(START, name)
    graph.add_edge(["left", "right", "alone"], "z")
    return graph.compile()


def talk_inside(effects: Effects) -> Any:
    """A subgraph whose model talks, and which ends with more steps."""
    inner = StateGraph(Chat)
    inner.add_node("i1", _talker(effects, "i1", "inner words"))
    inner.add_node("i2", _talker(effects, "i2", "more words"))
    inner.add_edge(START, "i1")
    inner.add_edge("i1", "i2")
    graph = StateGraph(Chat)
    graph.add_node("inner", inner.compile())
    graph.add_node("z", _talker(effects, "z", "last words"))
    graph.add_edge(START, "inner")
    graph.add_edge("inner", "z")
    return graph.compile()


def talk_around(effects: Effects) -> Any:
    """Messages that come to the root in other ways: of a called subgraph, of no model, in a command, unstreamed."""

    async def plain(state: Chat) -> dict[str, Any]:
        effects.append("plain")
        return {"messages": [AIMessage("of no model", id="message-plain")]}

    inner = StateGraph(Chat)
    inner.add_node("i1", _talker(effects, "i1", "inner words"))
    inner.add_node("plain", plain)
    inner.add_edge(START, "i1")
    inner.add_edge("i1", "plain")
    subgraph = inner.compile()

    async def call(state: Chat) -> Command[Any]:
        found = await subgraph.ainvoke({"messages": state.get("messages", [])})
        return Command(update={"messages": found["messages"], "log": ["call"]}, goto="around")

    async def hidden(state: Chat) -> list[Any]:
        model = ScriptedChatModel([AIMessage("a whisper", id="message-hidden")])
        said = await model.with_config(tags=["nostream"]).ainvoke("go")
        effects.append("hidden")
        return [{"messages": said}, Command(update={"log": ["hidden"]})]

    around = StateGraph(Chat)
    around.add_node("inner", subgraph)
    around.add_node("last", _talker(effects, "last", "last words"))
    around.add_edge(START, "inner")
    around.add_edge("inner", "last")
    graph = StateGraph(Chat)
    graph.add_node("call", call, destinations=("around",))
    graph.add_node("around", around.compile())
    graph.add_node("hidden", hidden)
    graph.add_edge(START, "call")
    graph.add_edge("around", "hidden")
    return graph.compile()


def called(effects: Effects) -> Any:
    """A node that emits, and then calls a subgraph."""
    inner = chain(effects, "i1", "i2", "i3")

    async def call(state: State) -> dict[str, Any]:
        get_stream_writer()({"node": "call", "part": 1})
        effects.append("prefix")
        found = await inner.ainvoke({"log": []})
        return {"log": found["log"]}

    graph = StateGraph(State)
    graph.add_node("call", call)
    graph.add_node("z", noted(effects, "z"))
    graph.add_edge(START, "call")
    graph.add_edge("call", "z")
    return graph.compile()


def cached(effects: Effects) -> Any:
    """LangGraph's own cache: the second visit of the node runs nothing."""

    async def slow(state: State) -> dict[str, Any]:
        effects.append("slow")
        return {"log": ["slow"]}

    async def count(state: State) -> dict[str, Any]:
        return {"n": state.get("n", 0) + 1}

    def again(state: State) -> str:
        return END if state.get("n", 0) > 2 else "count"

    def same_key(_: Any) -> bytes:
        return b"same"

    graph = StateGraph(State)
    graph.add_node("count", count)
    graph.add_node("slow", slow, cache_policy=CachePolicy(key_func=same_key))
    graph.add_node("other", noted(effects, "other"))
    graph.add_edge(START, "count")
    graph.add_edge("count", "slow")
    graph.add_edge("count", "other")
    graph.add_edge("slow", "after")
    graph.add_node("after", noted(effects, "after"))
    graph.add_conditional_edges("after", again, ["count", END])
    return graph.compile(cache=InMemoryCache())


def functional(effects: Effects) -> Any:
    """An entrypoint whose state is no dict."""

    @task
    async def double(number: int) -> int:
        get_stream_writer()({"double": number})
        effects.append(f"double{number}")
        await asyncio.sleep(0)
        return number * 2

    @entrypoint()
    async def work(number: int) -> int:
        first = await double(number)
        pair = await asyncio.gather(double(first + 1), double(first + 2))
        return await double(sum(pair))

    return cast("Any", work)


def commands(effects: Effects) -> Any:
    """Nodes that say where to go."""

    async def a(state: State) -> Command[Any]:
        effects.append("a")
        return Command(update={"log": ["a"]}, goto=["b", Send("c", {"i": 1}), Send("c", {"i": 2})])

    async def c(state: Any) -> dict[str, Any]:
        effects.append(f"c{state['i']}")
        return {"log": [f"c{state['i']}"]}

    graph = StateGraph(State)
    graph.add_node("a", a, destinations=("b", "c"))
    graph.add_node("b", noted(effects, "b"))
    graph.add_node("c", c)
    graph.add_node("z", noted(effects, "z"), defer=True)
    graph.add_edge(START, "a")
    graph.add_edge("b", "z")
    graph.add_edge("c", "z")
    return graph.compile()


def handled(effects: Effects) -> Any:
    """A node that fails, and the error handler that takes over."""

    async def fail(state: State) -> dict[str, Any]:
        effects.append("fail")
        raise ValueError("no")

    async def rescue(state: State) -> dict[str, Any]:
        effects.append("rescue")
        return {"log": ["rescue"]}

    graph = StateGraph(State)
    graph.add_node("fail", fail, error_handler=rescue)
    graph.add_node("z", noted(effects, "z"))
    graph.add_edge(START, "fail")
    graph.add_edge("fail", "z")
    return graph.compile()


def ask_twice(effects: Effects) -> Any:
    """Two questions in one node, between two others."""

    async def ask(state: State) -> dict[str, Any]:
        get_stream_writer()({"node": "ask", "part": 0})
        first = interrupt("first?")
        effects.append(f"first={first}")
        await asyncio.sleep(0)
        get_stream_writer()({"node": "ask", "part": 1, "answer": first})
        second = interrupt("second?")
        effects.append(f"second={second}")
        get_stream_writer()({"node": "ask", "part": 2, "answer": second})
        return {"log": [f"{first},{second}"]}

    graph = StateGraph(State)
    graph.add_node("a", noted(effects, "a"))
    graph.add_node("ask", ask)
    graph.add_node("z", noted(effects, "z"))
    for before, name in ((START, "a"), ("a", "ask"), ("ask", "z")):
        graph.add_edge(before, name)
    return graph.compile()


def ask_beside(effects: Effects) -> Any:
    """Questions of parallel nodes and in a subgraph, beside a node that works and a subgraph that goes on."""

    def question(name: str) -> Any:
        async def ask(state: State) -> dict[str, Any]:
            got = interrupt(f"{name}?")
            effects.append(f"{name}={got}")
            return {"log": [f"{name}={got}"]}

        return ask

    inner = StateGraph(State)
    inner.add_node("i1", noted(effects, "i1"))
    inner.add_node("iq", question("iq"))
    inner.add_node("i3", noted(effects, "i3"))
    for before, name in ((START, "i1"), ("i1", "iq"), ("iq", "i3")):
        inner.add_edge(before, name)
    graph = StateGraph(State)
    graph.add_node("p", question("p"))
    graph.add_node("q", question("q"))
    graph.add_node("inner", inner.compile())
    graph.add_node("steps", chain(effects, "s1", "s2", "s3"))
    graph.add_node("w", noted(effects, "w"))
    graph.add_node("z", noted(effects, "z"))
    parts = ["p", "q", "inner", "steps", "w"]
    for name in parts:
        graph.add_edge(START, name)
    graph.add_edge(parts, "z")
    return graph.compile()


Build = Callable[[Effects], Any]
PLAIN: dict[str, Build] = {
    build.__name__: build
    for build in (line, loop, fan_out, silent, same, talk, nested, beside, talk_inside, talk_around, called, cached,
                  functional, commands, handled)
}  # fmt: skip
ASKING: dict[str, Build] = {build.__name__: build for build in (ask_twice, ask_beside)}


def given(name: str) -> Any:
    """The input that the world takes."""
    return 1 if name == "functional" else {"log": ["in"]}


def answers(asked: Any) -> dict[str, Any]:
    """An answer to each question, made of the question."""
    return {question.id: f"yes {question.value}" for question in asked}
