"""A graph that fails by itself says and raises what it does under bare LangGraph, whatever of it was being saved."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from support.comparison import Seen

from ..comparing import LANGGRAPH_MODES, bare_until, differences, published
from ..driving import BackEnds, make_run
from ..worlds import State, chain, noted, sequence


def unsaveable(state: State) -> dict[str, Any]:
    return {"n": lambda: 1}


def beside(one: Any, other: Any) -> Any:
    graph = StateGraph(State).add_node("one", one).add_node("other", other)
    return graph.add_edge(START, "one").add_edge(START, "other").compile()


def fails_while_another_saves() -> Any:
    """The subgraph's first superstep is being saved when its sibling raises."""
    told = asyncio.Event()

    async def tells(state: State) -> dict[str, Any]:
        told.set()
        return {"log": ["told"]}

    async def raises(state: State) -> dict[str, Any]:
        await told.wait()
        raise TypeError("no")

    return beside(raises, sequence(tells, noted([], "late", delay=1)))


FAILING: dict[str, Callable[[], Any]] = {
    "a value that cannot be saved": lambda: sequence(noted([], "a"), unsaveable, noted([], "b")),
    "in a subgraph": lambda: sequence(noted([], "a"), sequence(noted([], "i"), unsaveable)),
    "beside a subgraph": lambda: beside(unsaveable, chain([], "i", "j")),
    "beside a subgraph that is saved": fails_while_another_saves,
}


@pytest.mark.parametrize("budget", [0.0, 1000.0])
@pytest.mark.parametrize("name", FAILING)
async def test_a_failing_graph_says_and_raises_what_it_does_under_bare_langgraph(
    ends: BackEnds, name: str, budget: float
) -> None:
    build = FAILING[name]
    modes = tuple(mode for mode in LANGGRAPH_MODES if mode != "debug")
    run = await make_run(ends, build(), given={"log": []}, budget=budget, stream_modes=modes, stream_subgraphs=True)
    with pytest.raises(TypeError):
        await run.to_end()
    said, bare = published(await run.events()), await bare_until(TypeError, build(), run)
    assert differences(without_reasons(said), without_reasons(bare)) == []


def without_reasons(events: list[Seen]) -> list[Seen]:
    """We say more of what cannot be saved: whose it is, and where it stands."""
    return [
        (name, re.sub(r'"error": \{"message": .*?"type": "[^"]*"\}', '"error": true', data)) for name, data in events
    ]


@pytest.mark.parametrize("moves", [True, False], ids=["a takeover at each boundary", "held"])
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
async def test_what_cannot_be_saved_ends_the_run_wherever_it_goes_on(
    ends: BackEnds, durability: str, moves: bool
) -> None:
    effects: list[str] = []
    graph = sequence(noted(effects, "a"), unsaveable, noted(effects, "b"), noted(effects, "c"))
    run = await make_run(ends, graph, given={"log": []}, budget=0, moves=moves, durability=durability)
    with pytest.raises(TypeError, match="not msgpack serializable"):
        await run.to_end()
    assert effects.count("a") == 1


async def test_a_graph_goes_on_after_a_nested_one_whose_state_cannot_be_saved(ends: BackEnds) -> None:
    inner = sequence(noted([], "i"), unsaveable)

    async def catches(state: State) -> dict[str, Any]:
        try:
            await inner.ainvoke({"log": []})
        except TypeError:
            return {"log": ["caught"]}
        return {"log": ["not raised"]}

    run = await make_run(ends, sequence(catches, noted([], "z")), given={"log": []}, stream_modes=("updates",))
    events = await run.to_end()
    assert (await run.final())["log"] == ["caught", "z"]
    assert [*map(list, (event.data for event in events if event.event == "updates"))] == [["n0"], ["n1"]]
