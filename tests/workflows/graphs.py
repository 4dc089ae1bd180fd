"""Graphs that ask, fail and go on, each noting what its nodes really did."""

from __future__ import annotations

import asyncio
import operator
from typing import Annotated, Any, TypedDict, cast

from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import RetryPolicy, Send, interrupt

Effects = list[str]


class Log(TypedDict, total=False):
    log: Annotated[list[Any], operator.add]


class One(TypedDict):
    name: str


def question(name: str, effects: Effects) -> Any:
    """A node that asks `name?` and logs the answer."""

    async def node(state: Log) -> dict[str, Any]:
        answer = interrupt(f"{name}?")
        effects.append(name)
        return {"log": [f"{name}={answer}"]}

    return node


def step(name: str, effects: Effects, seconds: float = 0.0) -> Any:
    """A node that logs its name."""

    async def node(state: Log) -> dict[str, Any]:
        await asyncio.sleep(seconds)
        effects.append(name)
        return {"log": [name]}

    return node


def failing_step(name: str, effects: Effects, error: Exception, *, times: int) -> Any:
    """A node that raises so many times before it logs its name."""
    left = iter(range(times))

    async def node(state: Log) -> dict[str, Any]:
        effects.append(f"try {name}")
        await asyncio.sleep(0.02)  # what is beside it is done first
        if next(left, None) is not None:
            raise error
        return {"log": [name]}

    return node


def chain(**nodes: Any) -> StateGraph[Log]:
    """Nodes one after the other."""
    graph, before = StateGraph(Log), START
    for name, node in nodes.items():
        graph.add_node(name, node)
        graph.add_edge(before, name)
        before = name
    return graph


def beside(**nodes: Any) -> StateGraph[Log]:
    """Nodes in one superstep, and `end` after them."""
    graph = StateGraph(Log)
    for name, node in nodes.items():
        graph.add_node(name, node)
        graph.add_edge(START, name)
    graph.add_node("end", step("end", []))
    graph.add_edge(list(nodes), "end")
    return graph


def nested(depth: int, graph: StateGraph[Log]) -> StateGraph[Log]:
    """A graph so many subgraphs down."""
    for level in range(depth):
        graph = chain(**{f"level{level}": graph.compile()})
    return graph


def three_questions(effects: Effects) -> StateGraph[Log]:
    """Three questions in parallel branches, beside one that works."""
    asks = {name: question(name, effects) for name in ("a", "b", "c")}
    return beside(**asks, work=step("work", effects))


def fanned_out(effects: Effects) -> StateGraph[Log]:
    """One question for each of three things, by `Send`."""

    async def ask(state: One) -> dict[str, Any]:
        answer = interrupt(f"{state['name']}?")
        effects.append(state["name"])
        return {"log": [f"{state['name']}={answer}"]}

    def spread(state: Log) -> list[Send]:
        return [Send("ask", {"name": name}) for name in "xyz"]

    graph = StateGraph(Log)
    graph.add_node("ask", ask, input_schema=One)
    graph.add_conditional_edges(START, spread, ["ask"])
    return graph


def called_twice(effects: Effects) -> StateGraph[Log]:
    """A node that calls a graph with a question two times."""
    inner = chain(ask=question("inner", effects)).compile()

    async def call(state: Log) -> dict[str, Any]:
        first, second = await inner.ainvoke({"log": []}), await inner.ainvoke({"log": []})
        return {"log": [*first["log"], *second["log"]]}

    return chain(call=call)


def functional(effects: Effects) -> Any:
    """Two tasks of the functional API that ask at the same time, one of them twice."""

    @task
    async def ask(*names: str) -> str:
        answers = [interrupt(f"{name}?") for name in names]
        effects.append(names[0])
        return ", ".join(answers)

    @entrypoint()
    async def flow(given: Log) -> Log:
        return {"log": list(await asyncio.gather(ask("a", "b"), ask("c")))}

    return cast("Any", flow)


def with_node_retries(effects: Effects) -> StateGraph[Log]:
    """A node that fails two times, and has a retry policy of LangGraph's own."""
    graph = StateGraph(Log)
    policy = RetryPolicy(max_attempts=3, initial_interval=0.01, retry_on=ValueError)
    graph.add_node("node", failing_step("node", effects, ValueError("no luck"), times=2), retry_policy=policy)
    graph.add_edge(START, "node")
    return graph
