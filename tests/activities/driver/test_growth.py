"""What a live graph keeps does not grow with its supersteps: it may last for days."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sized
from typing import Any, cast

import pytest
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from perdure.contracts.recent import Recent, RecentMap

from ..driving import BackEnds, make_run
from ..worlds import State

OURS = "perdure."


def collections_of(root: object) -> dict[str, int]:
    """The lengths of all collections in the attributes of an object, and of our objects that it reaches by them."""
    found: dict[str, int] = {}
    seen: set[int] = set()
    todo: list[object] = [root]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        for name, value in _attributes(one):
            if isinstance(value, set | dict | list | deque):
                place = f"{type(one).__name__}.{name}"
                found[place] = found.get(place, 0) + len(cast("Sized", value))
            elif type(value).__module__.startswith(OURS) and not isinstance(value, BaseModel | Recent | RecentMap):
                todo.append(value)
    return found


def _attributes(one: object) -> Iterator[tuple[str, Any]]:
    yield from vars(one).items() if hasattr(one, "__dict__") else ()
    for kind in type(one).__mro__:
        for name in getattr(kind, "__slots__", ()):
            if hasattr(one, name):
                yield name, getattr(one, name)


def _turning(turns: int, **compiled: Any) -> Any:
    async def step(state: State) -> dict[str, Any]:
        return {"n": state.get("n", 0) + 1}

    def again(state: State) -> str:
        return "step" if state.get("n", 0) < turns else END

    inner = StateGraph(State).add_node("a", step).add_node("b", step)
    inner.add_edge(START, "a").add_edge("a", "b")
    graph = StateGraph(State).add_node("step", step).add_node("inner", inner.compile(**compiled))
    graph.add_edge(START, "step").add_edge("step", "inner")
    graph.add_conditional_edges("inner", again, ["step", END])
    return graph.compile()


@pytest.mark.parametrize("compiled", [{}, {"checkpointer": True}, {"checkpointer": False}], ids=str)
@pytest.mark.parametrize("subgraphs", [True, False])
async def test_what_is_kept_does_not_grow(ends: BackEnds, compiled: dict[str, Any], subgraphs: bool) -> None:
    modes = ("values", "updates", "messages", "tasks", "debug")
    run = await make_run(
        ends,
        _turning(160, **compiled),
        given={"n": 0},
        budget=0.1,
        stream_subgraphs=subgraphs,
        stream_modes=modes,
        runnable_config={"recursion_limit": 1_000},
    )
    found: list[tuple[int, dict[str, int]]] = []
    while (await run.turn()).outcome == "more":
        assert run.live is not None
        found.append((run.slices[-1].steps, collections_of(run.live)))
    (few, before), (many, after) = found[0], found[-1]
    assert many > few + 30
    assert {place: size for place, size in after.items() if size > before[place] + 10} == {}


async def test_what_came_last_is_kept() -> None:
    recent = Recent[int](10)
    for number in range(95):
        recent.add(number)
        recent.add(3)
    assert [number in recent for number in (3, 60, 85, 94)] == [True, False, True, True]
    assert sum(collections_of(recent).values()) <= 20
