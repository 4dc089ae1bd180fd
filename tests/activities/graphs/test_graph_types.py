"""Which classes a graph's values may have, found without anybody naming them."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from support import own_types

from perdure.activities import load_graphs
from perdure.activities.graphs.graph_types import graph_types
from perdure.contracts.serialization.allowed_types import ALLOWED

MODULE = own_types.__name__


@pytest.mark.parametrize(
    "name",
    [
        *("Order", "Part", "Color", "Box", "Point", "Report"),  # in the state, at any depth, or beside it
        *("Below", "OfContext", "OfTool"),  # of a subgraph, a context, a tool
        "Local",  # in a closure
    ],
)
def test_a_graphs_own_classes_are_found(name: str) -> None:
    assert (MODULE, name) in graph_types(own_types.compiled())


def test_nothing_that_does_something_is_found() -> None:
    names = graph_types(own_types.compiled())
    assert not {name for name in names if name[0] in ("builtins", "os", "subprocess", "functools", "operator")}
    assert not {name for name in names if name[1] in ("ToolNode", "StructuredTool", "StateGraph", "call")}


def test_it_does_not_take_long() -> None:
    graph = own_types.compiled()
    began = time.perf_counter()
    graph_types(graph)
    assert time.perf_counter() - began < 2  # 0.05 s on a quiet machine


def test_of_functions_and_what_they_call() -> None:
    @task
    async def work() -> Any:
        return own_types.Order(parts=[])

    @entrypoint()
    async def flow(start: int) -> Any:
        return await work()

    assert (MODULE, "Order") in graph_types(cast("Any", flow))


def test_of_a_graph_that_a_function_calls() -> None:
    inner = own_types.compiled()

    async def calls(state: dict[str, Any]) -> dict[str, Any]:
        return await inner.ainvoke(state)

    outer: Any = StateGraph(cast("Any", dict))
    outer.add_node("calls", calls)
    outer.add_edge(START, "calls")
    assert (MODULE, "Below") in graph_types(outer.compile())


async def test_of_a_factory_before_it_has_made_its_graph() -> None:
    class OfFactory(own_types.BaseModel):
        number: int

    def factory(config: dict[str, Any]) -> Any:
        graph: Any = StateGraph(cast("Any", dict))

        def node(state: Any) -> dict[str, Any]:
            return {"made": OfFactory(number=1)}

        graph.add_node("node", node)
        graph.add_edge(START, "node")
        return graph

    await load_graphs({"made": factory})
    assert (__name__, "OfFactory") in ALLOWED
