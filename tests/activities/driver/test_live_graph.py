"""A run in slices is the run that bare LangGraph makes of the graph when it is called once; taken over, a resume."""

from __future__ import annotations

import asyncio
import enum
import operator
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.channels.untracked_value import UntrackedValue
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_store
from langgraph.graph import END, START, StateGraph
from langgraph.managed import RemainingSteps
from langgraph.runtime import Runtime
from langgraph.store.memory import InMemoryStore
from langgraph.types import Send

from ..driving import BackEnds, Run, make_run


class State(TypedDict, total=False):
    log: Annotated[list[Any], operator.add]
    session: Annotated[Any, UntrackedValue]
    n: int
    k: int


Node = Callable[..., Any]


def line(*nodes: Node, schema: Any = State, **compiled: Any) -> Any:
    """A graph of nodes, one after the other, each named by its place."""
    graph = StateGraph(schema)
    names = [f"{place}_{getattr(node, '__name__', 'graph')}" for place, node in enumerate(nodes)]
    for before, name, node in zip((START, *names), names, nodes, strict=False):
        graph.add_node(name, node)
        graph.add_edge(before, name)
    return graph.compile(**compiled)


async def opens(state: State) -> dict[str, Any]:
    return {"session": "s", "log": ["opened"]}


async def works(state: State) -> dict[str, Any]:
    return {"log": ["open" if state.get("session") else "closed"]}


def untracked() -> Any:
    return line(opens, works, works)


def untracked_in_subgraph() -> Any:
    return line(opens, untracked(), works)


def untracked_over_send() -> Any:
    def spread(state: State) -> list[Send]:
        return [Send("works", state), Send("works", state)]

    graph = StateGraph(State).add_node(opens).add_node(works).add_node("last", works)
    graph.add_conditional_edges("opens", spread, ["works"])
    return graph.add_edge(START, "opens").add_edge("works", "last").compile()


class Talk(TypedDict, total=False):
    question: str
    answer: str
    heard: Annotated[list[str], operator.add]


class Both(Talk, State, total=False):
    """Of a graph with an expert in it."""


def expert(**compiled: Any) -> Any:
    async def hears(state: Talk) -> dict[str, Any]:
        return {"heard": [state.get("question", "")]}

    async def answers(state: Talk) -> dict[str, Any]:
        return {"answer": f"{state.get('question')} of {len(state.get('heard', []))}"}

    return line(hears, answers, schema=Talk, **compiled)


def calling(graph: Any, question: str, **place: str) -> Node:
    async def calls(state: State) -> dict[str, Any]:
        given = {"configurable": place} if place else None
        return {"log": [(await graph.ainvoke({"question": question}, given))["answer"]]}

    return calls


def nested_memory() -> Any:
    remembers = expert(checkpointer=True)
    return line(calling(remembers, "q1"), calling(remembers, "q2"), calling(remembers, "q3"))


def nested_memory_as_node() -> Any:
    """A node that is a graph with memory, entered twice."""

    async def asks(state: Both) -> dict[str, Any]:
        return {"question": f"q{len(state.get('log', []))}", "log": ["asked"]}

    async def notes(state: Both) -> dict[str, Any]:
        return {"log": [state.get("answer")]}

    graph = StateGraph(Both).add_node(asks).add_node("expert", expert(checkpointer=True)).add_node(notes)
    graph.add_edge(START, "asks").add_edge("asks", "expert").add_edge("expert", "notes")

    def again(state: Both) -> str:
        return END if len(state.get("log", [])) > 5 else "asks"

    return graph.add_conditional_edges("notes", again, ["asks", END]).compile()


def own_saver() -> Any:
    desk = expert(checkpointer=InMemorySaver())
    return line(calling(desk, "q1", thread_id="desk"), calling(desk, "q2", thread_id="desk"))


class Counted(TypedDict, total=False):
    k: int
    log: Annotated[list[Any], operator.add]
    remaining: RemainingSteps


def counting(turns: int) -> Any:
    async def turn(state: Counted) -> dict[str, Any]:
        return {"k": state.get("k", 0) + 1, "log": [state.get("remaining")]}

    def again(state: Counted) -> str:
        return END if state.get("k", 0) >= turns else "turn"

    graph = StateGraph(Counted).add_node(turn).add_edge(START, "turn")
    return graph.add_conditional_edges("turn", again, ["turn", END]).compile()


async def helper(state: State) -> dict[str, Any]:
    return {"log": (await counting(4).ainvoke({"k": 0}))["log"]}


def remaining_steps() -> Any:
    return line(works, counting(4), helper, works)


def root_steps() -> Any:
    return counting(6)


class Mood:
    class Deep(enum.Enum):
        CALM = 1


@dataclass
class Derived:
    name: str
    size: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.size = len(self.name)


class Odd(State, total=False):
    value: Any


def degrading_values() -> Any:
    class Local:
        def __eq__(self, other: object) -> bool:
            return type(other) is Local

        __hash__ = None  # type: ignore[assignment]

    async def makes(state: Odd) -> dict[str, Any]:
        return {"value": {"mood": Mood.Deep.CALM, "derived": Derived("abc"), "pair": {(1, 2)}}}

    async def looks(state: Odd) -> dict[str, Any]:
        value = state.get("value", {})
        return {"log": [repr(value.get("mood")), repr(value.get("derived")), repr(value.get("pair"))]}

    return line(makes, looks, looks, schema=Odd)


def factory_with_store() -> Any:
    def made(config: RunnableConfig) -> Any:
        async def notes(state: State) -> dict[str, Any]:
            await get_store().aput(("notes",), "plan", {"text": "buy milk"})
            return {"log": ["noted"]}

        async def reads(state: State) -> dict[str, Any]:
            item = await get_store().aget(("notes",), "plan")
            return {"log": [item.value["text"] if item else "nothing"]}

        return line(notes, reads, reads, store=InMemoryStore())

    return made


def factory_with_session() -> Any:
    @asynccontextmanager
    async def made(config: RunnableConfig) -> AsyncGenerator[Any]:
        page: list[str] = []

        async def goes(state: State) -> dict[str, Any]:
            page.append("checkout")
            return {"log": ["went"]}

        async def looks(state: State) -> dict[str, Any]:
            return {"log": [page[-1] if page else "blank"]}

        async with asyncio.TaskGroup():  # which wants to be left in the task that entered it
            yield line(goes, looks, looks)

    return made


@dataclass
class Tally:
    count: int = 0


def mutable_context() -> Any:
    async def counts(state: State, runtime: Runtime[Tally]) -> dict[str, Any]:
        runtime.context.count += 1
        return {"log": [runtime.context.count]}

    graph = StateGraph(State, context_schema=Tally)
    for before, name in ((START, "a"), ("a", "b"), ("b", "c")):
        graph.add_node(name, counts)
        graph.add_edge(before, name)
    return graph.compile()


HEALTHY: dict[str, Callable[[], Any]] = {
    build.__name__: build
    for build in (
        untracked,
        untracked_in_subgraph,
        untracked_over_send,
        nested_memory,
        nested_memory_as_node,
        own_saver,
        remaining_steps,
        root_steps,
        degrading_values,
        factory_with_store,
        factory_with_session,
        mutable_context,
    )
}
LIMIT: RunnableConfig = {"recursion_limit": 20}
MORE: dict[str, dict[str, Any]] = {"mutable_context": {"context": {"count": 10}}}


async def bare(source: Any, **more: Any) -> Any:
    """What bare LangGraph makes of it."""
    config: RunnableConfig = {"configurable": {"thread_id": "t"}, **LIMIT}
    opened = source if hasattr(source, "ainvoke") else source({})
    if hasattr(opened, "__aenter__"):
        async with opened as graph:
            return await graph.copy({"checkpointer": InMemorySaver()}).ainvoke({"log": []}, config, **more)
    return await opened.copy({"checkpointer": InMemorySaver()}).ainvoke({"log": []}, config, **more)


async def ran(ends: BackEnds, name: str, **how: Any) -> Run:
    more = MORE.get(name, {})
    run = await make_run(ends, HEALTHY[name](), given={"log": []}, runnable_config=LIMIT, **more, **how)
    await run.to_end()
    return run


@pytest.mark.parametrize("budget", [0.0, 0.02, 1000.0])
@pytest.mark.parametrize("name", HEALTHY)
async def test_a_healthy_run_is_what_bare_langgraph_makes_of_it(ends: BackEnds, name: str, budget: float) -> None:
    run = await ran(ends, name, budget=budget)
    expected = await bare(HEALTHY[name](), **MORE.get(name, {}))
    assert (await run.final())["log"] == expected["log"]


TAKEN_OVER = ("nested_memory", "nested_memory_as_node", "own_saver", "remaining_steps", "root_steps")


@pytest.mark.parametrize("name", TAKEN_OVER)
async def test_a_run_that_is_taken_over_at_each_boundary_is_the_same(ends: BackEnds, name: str) -> None:
    run = await ran(ends, name, budget=0.0, moves=True)
    expected = await bare(HEALTHY[name]())
    assert (await run.final())["log"] == expected["log"]
    assert len(run.slices) > 1


@pytest.mark.parametrize("moves", [False, True])
async def test_a_nested_graph_that_runs_away_is_stopped_at_its_own_limit(ends: BackEnds, moves: bool) -> None:
    run = await make_run(
        ends, line(counting(50)), given={"log": []}, budget=0.0, moves=moves, runnable_config={"recursion_limit": 8}
    )
    with pytest.raises(Exception, match="Recursion limit of 8 reached"):
        await run.to_end()
    graph = line(counting(50)).copy({"checkpointer": InMemorySaver()})
    config: RunnableConfig = {"configurable": {"thread_id": "t"}, "recursion_limit": 8}
    with pytest.raises(Exception, match="Recursion limit of 8 reached"):
        await graph.ainvoke({"log": []}, config)
    ours, theirs = await _inner_steps(run), await graph.aget_state(config, subgraphs=True)
    assert ours == theirs.tasks[0].state.values["k"]


async def _inner_steps(run: Run) -> int:
    graph = line(counting(50)).copy({"checkpointer": run.ends.checkpoints.saver})
    found = await graph.aget_state({"configurable": {"thread_id": run.thread_id}}, subgraphs=True)
    return found.tasks[0].state.values["k"]


async def test_a_late_subgraph_has_its_own_limit_also_after_a_takeover(ends: BackEnds) -> None:
    graph = line(*(works for _ in range(8)), counting(9), helper)
    run = await make_run(
        ends, graph, given={"log": []}, budget=0.0, moves=True, runnable_config={"recursion_limit": 12}
    )
    await run.to_end()
    assert (await run.final())["log"][-4:] == [11, 10, 9, 8]


def _limited(inner: Any) -> Any:
    return line(inner.with_config(recursion_limit=8))


def _limited_and_called(inner: Any) -> Any:
    limited = inner.with_config(recursion_limit=8)

    async def calls(state: State, config: RunnableConfig) -> dict[str, Any]:
        return {"log": (await limited.ainvoke(state, config))["log"]}

    return line(calls)


@pytest.mark.parametrize("moves", [False, True])
@pytest.mark.parametrize("build", [_limited, _limited_and_called])
@pytest.mark.parametrize(("of_run", "stops_at"), [(None, 8), (12, 12), (5, 5)])
async def test_a_nested_graphs_own_limit_holds_unless_the_run_has_one(
    ends: BackEnds, build: Callable[[Any], Any], moves: bool, of_run: int | None, stops_at: int
) -> None:
    limit: RunnableConfig = {} if of_run is None else {"recursion_limit": of_run}
    expected = f"Recursion limit of {stops_at} reached"
    with pytest.raises(Exception, match=expected):
        await (
            build(counting(50))
            .copy({"checkpointer": InMemorySaver()})
            .ainvoke({"log": []}, {"configurable": {"thread_id": "t"}, **limit})
        )
    run = await make_run(ends, build(counting(50)), given={"log": []}, budget=0.0, moves=moves, runnable_config=limit)
    with pytest.raises(Exception, match=expected):
        await run.to_end()
