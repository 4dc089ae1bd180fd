"""LangGraph's store and cache, as the graphs of a real worker have them."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_store
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedStore, ToolNode
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.types import CachePolicy

import perdure
from perdure import RunScope, RunsFacade, RunSpec, Settings, Worker

HOME = ("users", "1")


class Log(TypedDict, total=False):
    log: Annotated[list[Any], operator.add]


def counted(store: BaseStore) -> int:
    """How often it was called: a sync call, in the event loop."""
    item = store.get(HOME, "count")
    count = 1 if item is None else item.value["n"] + 1
    store.put(HOME, "count", {"n": count})
    return count


async def by_runtime(state: Log, runtime: Runtime[Any]) -> Log:
    assert runtime.store is not None
    item = await runtime.store.aget(HOME, "count")
    count = 1 if item is None else item.value["n"] + 1
    await runtime.store.aput(HOME, "count", {"n": count})
    return {"log": [count]}


async def by_function(state: Log) -> Log:
    return {"log": [counted(get_store())]}


async def by_argument(state: Log, *, store: BaseStore) -> Log:
    return {"log": [counted(store)]}


def plain(state: Log, runtime: Runtime[Any]) -> Log:
    assert runtime.store is not None
    return {"log": [counted(runtime.store)]}


def counting_nodes() -> StateGraph[Log]:
    """Each node counts in the store, in its own way, the last one in a graph that it calls."""
    below = StateGraph(Log).add_node(plain).add_edge(START, "plain").compile()

    async def inner(state: Log) -> Any:
        return await below.ainvoke({"log": []})

    graph = StateGraph(Log).add_node(by_runtime).add_node(by_function).add_node(by_argument).add_node(inner)
    graph.add_edge(START, "by_runtime").add_edge("by_runtime", "by_function").add_edge("by_function", "by_argument")
    return graph.add_edge("by_argument", "inner")


@tool
async def remember(word: str, store: Annotated[BaseStore, InjectedStore()]) -> str:
    """Remember a word."""
    await store.aput(HOME, "word", {"word": word})
    return f"remembered {word}"


def calls(state: MessagesState) -> dict[str, Any]:
    call = {"name": "remember", "args": {"word": "cheese"}, "id": "1"}
    return {"messages": [AIMessage("", tool_calls=[call])]}


async def run(runs: RunsFacade, graph: str, **input: Any) -> Any:
    spec = RunSpec(assistant_id=graph, scope=RunScope(kind="stateless"), input=input)
    _, result = await runs.create_and_wait(spec)
    assert result.status == "success", result.error
    return result.values


async def test_nodes_have_a_store_that_outlives_runs_and_workers(runs: RunsFacade, settings: Settings) -> None:
    # A budget of 0: a slice for each superstep.
    slow = settings.model_copy(update={"runs": settings.runs.model_copy(update={"slice_budget": 0.0})})
    expected = [*range(1, 13)]
    for start in (0, 8):
        async with Worker(graphs={"count": counting_nodes()}, settings=slow):
            for turn in range(start, 8 if start == 0 else 12, 4):
                assert (await run(runs, "count"))["log"] == expected[turn : turn + 4]
    item = await runs.store.aget(HOME, "count")
    assert item is not None
    assert item.value == {"n": 12}


async def test_a_tool_gets_the_store_and_a_program_reads_it(runs: RunsFacade, settings: Settings) -> None:
    tools = StateGraph(MessagesState).add_node(calls).add_node("tools", ToolNode([remember]))
    tools.add_edge(START, "calls").add_edge("calls", "tools")
    async with Worker(graphs={"tools": tools}, settings=settings):
        values = await run(runs, "tools", messages=[])
        assert values["messages"][-1]["content"] == "remembered cheese"
        item = runs.store.get(HOME, "word")
        assert item is not None
        assert item.value == {"word": "cheese"}
        runs.store.put(HOME, "count", {"n": 40})
    async with Worker(graphs={"count": counting_nodes()}, settings=settings):
        assert (await run(runs, "count"))["log"] == [41, 42, 43, 44]


async def test_a_graphs_own_store_and_cache_stay(runs: RunsFacade, settings: Settings) -> None:
    own, cache = InMemoryStore(), InMemoryCache[Any]()
    own.put(HOME, "count", {"n": 100})
    graph = counting_nodes().compile(store=own, cache=cache)
    async with Worker(graphs={"count": graph}, settings=settings):
        assert (await run(runs, "count"))["log"] == [101, 102, 103, 104]
    assert await runs.store.aget(HOME, "count") is None
    assert (graph.store, graph.cache) == (own, cache)


async def test_the_config_of_the_store_is_that_of_langgraph_json(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text(
        "def vectors(texts):\n    return [[float('cheese' in text), float('cheese' not in text)] for text in texts]\n"
    )
    (tmp_path / "langgraph.json").write_text(
        '{"graphs": {"x": "./x.py:x"}, "store": {"index": {"dims": 2, "embed": "./words.py:vectors", "fields": ["t"]},'
        ' "ttl": {"default_ttl": 60}}}'
    )
    given = settings.model_copy(update={"graphs": tmp_path / "langgraph.json"})

    async def put(state: Log, runtime: Runtime[Any]) -> Log:
        assert runtime.store is not None
        await runtime.store.aput(HOME, "a", {"t": "some cheese"})
        await runtime.store.aput(HOME, "b", {"t": "some milk"})
        return {"log": [item.key for item in await runtime.store.asearch(HOME, query="milk")]}

    graph = StateGraph(Log).add_node(put).add_edge(START, "put")
    async with perdure.connect(settings=given) as runs, Worker(graphs={"put": graph}, settings=given):
        assert (await run(runs, "put"))["log"] == ["b", "a"]
        assert [item.key for item in await runs.store.asearch(HOME, query="cheese")] == ["a", "b"]


class Numbers(TypedDict, total=False):
    x: int
    log: Annotated[list[Any], operator.add]


def cached(effects: list[int]) -> StateGraph[Numbers]:
    """Two visits of a node that is cached by `x`."""

    def same(value: Any) -> str:
        return str(value["x"])

    async def dear(state: Numbers) -> Numbers:
        effects.append(state.get("x", 0))
        return {"log": [len(effects)]}

    async def again(state: Numbers) -> Numbers:
        return {"log": ["again"]}

    def more(state: Numbers) -> str:
        return END if state.get("log", []).count("again") > 1 else "dear"

    graph = StateGraph(Numbers)
    graph.add_node("dear", dear, cache_policy=CachePolicy(key_func=same))
    graph.add_node(again)
    graph.add_edge(START, "dear")
    graph.add_edge("dear", "again")
    graph.add_conditional_edges("again", more, ["dear", END])
    return graph


@pytest.mark.parametrize("url", [None, "memory://cached"])
async def test_a_cached_node_is_as_in_langgraph_and_stays_cached(
    runs: RunsFacade, settings: Settings, url: str | None
) -> None:
    bare: list[int] = []
    graph = cached(bare).compile(cache=InMemoryCache(), checkpointer=InMemorySaver())
    told: list[list[Any]] = []
    for thread in ("1", "2"):
        chunks = graph.astream({"x": 1}, {"configurable": {"thread_id": thread}}, stream_mode="updates")
        told.append([chunk async for chunk in chunks])
    effects: list[int] = []
    where = settings.langgraph_cache.model_copy(update={"url": url})
    given = settings.model_copy(update={"langgraph_cache": where})
    for expected in told:  # another worker for each
        async with Worker(graphs={"cached": cached(effects)}, settings=given):
            spec = RunSpec(
                assistant_id="cached", scope=RunScope(kind="stateless"), input={"x": 1}, stream_modes=("updates",)
            )
            _, stream = await runs.create_and_stream(spec)
            assert [event.data async for event in stream if event.event == "updates"] == expected
    assert effects == bare == [1]
    async with Worker(graphs={"cached": cached(effects)}, settings=given):
        assert (await run(runs, "cached", x=2))["log"] == [2, "again", 2, "again"]
