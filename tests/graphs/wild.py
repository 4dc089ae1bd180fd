"""Random graphs, each made by a seed: everything that a crash can cut, in any arrangement.

`make` is a factory as `langgraph.json` names it. The run's `configurable` says which graph (`seed`, `blocks`; `asks`:
with questions; `functions`: with functions that call graphs), where its work is noted (`effects`, a file), and how slow
it is (`pace`, seconds of a node at the most).
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.runnables import RunnableConfig
from langgraph.config import get_stream_writer
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.runtime import Runtime
from langgraph.types import Command, Send, interrupt

from perdure.testing import ScriptedChatModel

BEGINNING = "the beginning"
DEEPEST = 2
"""Subgraphs within subgraphs."""


def extend(log: list[str], more: list[str]) -> list[str]:
    """A node gives its own line; a subgraph gives back the log that it was given, and more."""
    known = 0
    if more[:1] == [BEGINNING]:
        while known < min(len(log), len(more)) and log[known] == more[known]:
            known += 1
    return log + more[known:]


class State(TypedDict, total=False):
    log: Annotated[list[str], extend]
    messages: Annotated[list[AnyMessage], add_messages]
    part: int


Node = Callable[..., Any]


class _Work:
    """One execution of a node: noted at its beginning and its end, and how long it takes."""

    def __init__(self, name: str, state: State, config: RunnableConfig, runtime: Runtime[Any]) -> None:
        part = f"-{state['part']}" if "part" in state else ""
        self.name = name + part
        self.visit = state.get("log", []).count(name) + 1
        self._run = config.get("configurable", {})
        info = runtime.execution_info
        assert info is not None
        self._who = {"ns": info.checkpoint_ns, "step": config.get("metadata", {})["langgraph_step"], "pid": os.getpid()}
        self.wait = Random(f"{self._run['seed']} {self.name} {self.visit}").uniform(0.1, 1.0) * self._run["pace"]

    def note(self, what: str) -> None:
        line = json.dumps({"at": time.monotonic(), "what": what, **self._who})
        file = os.open(self._run["effects"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            os.write(file, f"{line}\n".encode())
        finally:
            os.close(file)

    def say(self, what: str) -> None:
        get_stream_writer()({"node": self.name, "visit": self.visit, "what": what, "pid": os.getpid()})

    async def rest(self) -> None:
        try:
            await asyncio.sleep(self.wait)
        except asyncio.CancelledError:
            self.note("cut")
            raise


def quiet(name: str) -> Node:
    async def node(state: State, config: RunnableConfig, runtime: Runtime[Any]) -> State:
        work = _Work(name, state, config, runtime)
        work.note("begin")
        await work.rest()
        work.note("end")
        return {"log": [name]}

    return node


def silent(name: str) -> Node:
    """Changes nothing."""

    async def node(state: State, config: RunnableConfig, runtime: Runtime[Any]) -> None:
        work = _Work(name, state, config, runtime)
        work.note("begin")
        await work.rest()
        work.note("end")

    return node


def speaking(name: str) -> Node:
    async def node(state: State, config: RunnableConfig, runtime: Runtime[Any]) -> State:
        work = _Work(name, state, config, runtime)
        work.note("begin")
        work.say("first")
        await work.rest()
        work.say("last")
        work.note("end")
        return {"log": [name]}

    return node


def talking(name: str) -> Node:
    """Tokens of a scripted model."""

    async def node(state: State, config: RunnableConfig, runtime: Runtime[Any]) -> State:
        work = _Work(name, state, config, runtime)
        work.note("begin")
        words = AIMessage(f"the words of {work.name}", id=f"message-{work.name}-{work.visit}")
        said: Any = None
        async for token in ScriptedChatModel([words]).astream("go"):
            said = token if said is None else said + token
            await asyncio.sleep(work.wait / 8)
        work.note("end")
        return {"log": [name], "messages": [AIMessage(said.content, id=words.id)]}

    return node


def tool(name: str) -> Node:
    """Synchronous: in a thread, which no cancellation reaches."""

    def node(state: State, config: RunnableConfig, runtime: Runtime[Any]) -> State:
        work = _Work(name, state, config, runtime)
        work.note("begin")
        work.say("first")
        time.sleep(work.wait)
        work.say("last")
        work.note("end")
        return {"log": [name]}

    return node


def asking(name: str) -> Node:
    """Its work begins with the answer: what stands before that is executed again."""

    async def node(state: State, config: RunnableConfig, runtime: Runtime[Any]) -> State:
        work = _Work(name, state, config, runtime)
        answer = interrupt(f"{work.name} {work.visit}?")
        work.note("begin")
        await work.rest()
        work.note("end")
        return {"log": [name, f"{name} was told {answer}"]}

    return node


def calling(name: str, inner: Any) -> Node:
    """A function that calls a graph: cut, it runs its own beginning again."""

    async def node(state: State, config: RunnableConfig, runtime: Runtime[Any]) -> State:
        work = _Work(name, state, config, runtime)
        work.note("begin")
        work.say("first")
        found = await inner.ainvoke({"log": state.get("log", []), "messages": []})
        work.say("last")
        work.note("end")
        return {"log": [*found["log"], name], "messages": found["messages"]}

    return node


SIMPLE = (quiet, quiet, silent, speaking, speaking, talking, tool)


class Assembly:
    """One graph in the making. `ends`: the nodes behind which the next block stands."""

    def __init__(self, random: Random, *, asks: bool, functions: bool, prefix: str = "", depth: int = 0) -> None:
        self._random = random
        self._prefix = prefix
        self._depth = depth
        self._asks = asks
        self._functions = functions
        self._nodes = 0
        self._ends: list[str] = [START]
        self.graph: StateGraph[State] = StateGraph(State)

    def grow(self, blocks: int) -> Any:
        """The compiled graph, of that many blocks."""
        kinds: list[Callable[[], None]] = [self._line, self._parallel, self._loop, self._fan_out, self._layers]
        kinds += [self._goto] + [self._question] * self._asks
        if self._depth < DEEPEST:
            kinds += [self._inner] + [self._called] * self._functions
        for kind in self._random.choices(kinds, k=blocks):
            kind()
        return self.graph.compile()

    def _name(self) -> str:
        self._nodes += 1
        return f"{self._prefix}n{self._nodes}"

    def _add(self, make: Callable[[str], Any], behind: list[str] | None = None, **options: Any) -> str:
        name = self._name()
        self.graph.add_node(name, make(name), **options)
        behind = self._ends if behind is None else behind
        self.graph.add_edge(behind[0] if len(behind) == 1 else behind, name)
        return name

    def _simple(self) -> Callable[[str], Any]:
        return self._random.choice(SIMPLE)

    def _any(self) -> Callable[[str], Any]:
        """A simple node or, where that is not too deep, a graph."""
        if self._depth < DEEPEST and self._random.random() < 0.25:
            return self._random.choice((self._subgraph, self._function) if self._functions else (self._subgraph,))
        if self._asks and self._random.random() < 0.2:
            return asking
        return self._simple()

    def _subgraph(self, name: str) -> Any:
        within = Assembly(
            self._random, asks=self._asks, functions=self._functions, prefix=f"{name}_", depth=self._depth + 1
        )
        return within.grow(self._random.randint(1, 2))

    def _function(self, name: str) -> Node:
        return calling(name, self._subgraph(name))

    def _line(self) -> None:
        for _ in range(self._random.randint(1, 3)):
            self._ends = [self._add(self._simple())]

    def _parallel(self) -> None:
        before, ends = self._ends, list[str]()
        for _ in range(self._random.randint(2, 3)):
            end = self._add(self._any(), before)
            longer = self._random.random() < 0.3
            ends.append(self._add(self._simple(), [end]) if longer else end)
        self._ends = ends

    def _layers(self) -> None:
        """A net: each node behind some of the layer before, now and then behind one of an earlier layer."""
        layers = [[self._add(self._any()) for _ in range(self._random.randint(1, 3))]]
        for _ in range(self._random.randint(1, 2)):
            before = layers[-1]
            layer = [self._add(self._any(), [self._random.choice(before)]) for _ in range(self._random.randint(1, 3))]
            for name in self._random.sample(before, k=len(before) - 1):
                self.graph.add_edge(name, self._random.choice(layer))
            if len(layers) > 1 and self._random.random() < 0.5:
                self.graph.add_edge(self._random.choice(layers[-2]), self._random.choice(layer))
            layers.append(layer)
        self._ends = layers[-1]

    def _loop(self) -> None:
        head, turns = self._add(speaking), self._random.randint(2, 3)
        self._ends = [head]
        self._random.choice((self._line, self._parallel, self._fan_out))()
        tail, behind = self._add(quiet), self._name()
        self.graph.add_node(behind, quiet(behind))

        def again(state: State) -> str:
            return behind if state.get("log", []).count(head) >= turns else head

        self.graph.add_conditional_edges(tail, again, [head, behind])
        self._ends = [behind]

    def _fan_out(self) -> None:
        start, name = self._add(self._simple()), self._name()
        self.graph.add_node(name, self._random.choice((speaking, talking, tool))(name))
        parts = self._random.randint(2, 4)

        def spread(state: State) -> list[Send]:
            return [Send(name, {"log": state.get("log", []), "part": part}) for part in range(parts)]

        self.graph.add_conditional_edges(start, spread, [name])
        self._ends = [self._add(quiet, [name])]

    def _goto(self) -> None:
        """A node that says where to go."""
        one, other, join = (self._name() for _ in range(3))

        def choosing(name: str) -> Node:
            plain = speaking(name)

            async def node(state: State, config: RunnableConfig, runtime: Runtime[Any]) -> Command[Any]:
                return Command(update=await plain(state, config, runtime), goto=[one, other])

            return node

        self._add(choosing, destinations=(one, other))
        for name in (one, other):
            self.graph.add_node(name, self._simple()(name))
            self.graph.add_edge(name, join)
        self.graph.add_node(join, quiet(join))
        self._ends = [join]

    def _inner(self) -> None:
        self._ends = [self._add(self._subgraph)]

    def _called(self) -> None:
        self._ends = [self._add(self._function)]

    def _question(self) -> None:
        self._ends = [self._add(asking)]


@cache
def build(seed: str, blocks: int, asks: bool, functions: bool) -> Any:
    """The graph of a seed."""
    return Assembly(Random(seed), asks=asks, functions=functions).grow(blocks)


def make(config: RunnableConfig) -> Any:
    """The graph of a run. (Loaded without a run, it is any.)"""
    run = config.get("configurable", {})
    seed, blocks = str(run.get("seed", "")), int(run.get("blocks", 1))
    return build(seed, blocks, bool(run.get("asks")), bool(run.get("functions", True)))
