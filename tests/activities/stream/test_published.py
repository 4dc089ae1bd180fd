"""A run in slices publishes exactly what bare LangGraph streams."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph
from support.sampling import some

from perdure.activities.stream import publisher

from ..comparing import LANGGRAPH_MODES, bare, differences, published
from ..driver.test_slice_ends import unsaved
from ..driving import BackEnds, Run, make_run
from ..worlds import ASKING, PLAIN, State, answers, chain, given, noted, sequence

ENDLESS = 1000.0
Case = tuple[tuple[str, ...], float, bool]
"""Modes, budget, and whether each slice goes to another worker."""
ALONE: list[Case] = [((mode,), 0.0, True) for mode in LANGGRAPH_MODES]
TOGETHER: list[Case] = [(LANGGRAPH_MODES, 0.0, False), (LANGGRAPH_MODES, ENDLESS, False), (LANGGRAPH_MODES, 0.0, True)]
WITH_SUBGRAPHS = ("nested", "beside", "talk_inside", "talk_around", "called")
"""Of the others, a root has all that there is."""
UNSAVED = {"unsaved": unsaved}
"""With a subgraph that keeps no checkpoints, which LangGraph takes under durability `async` only."""


@pytest.fixture(autouse=True)
def quick_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of writes does not matter where nothing is cut."""
    monkeypatch.setattr(publisher, "_REPORT_TIMEOUT", 0.01)


@cache
def _graph_of_all(name: str) -> Any:
    return {**PLAIN, **ASKING, **UNSAVED}[name]([])


def _graph(name: str) -> Any:
    """Built once, since to build and to load one costs more than a run; but none may find another's cache filled."""
    return PLAIN[name]([]) if name == "cached" else _graph_of_all(name)


async def run_and_compare(
    ends: BackEnds,
    name: str,
    modes: tuple[str, ...],
    budget: float,
    *,
    subgraphs: bool,
    moves: bool = False,
    **more: Any,
) -> tuple[Run, list[str]]:
    answer = answers if name in ASKING else None
    run = await make_run(
        ends,
        _graph(name),
        given=given(name),
        budget=budget,
        answer=answer,
        moves=moves,
        stream_modes=modes,
        stream_subgraphs=subgraphs,
        **more,
    )
    events = await run.to_end()
    expected, final = await bare(_graph(name), run, answer)
    assert await run.final() == final
    return run, differences(published(events), expected)


@pytest.mark.parametrize("subgraphs", [False, True], ids=["root", "subgraphs"])
@pytest.mark.parametrize("name", PLAIN)
async def test_slices_publish_what_bare_langgraph_streams(ends: BackEnds, name: str, subgraphs: bool) -> None:
    found = await asyncio.gather(
        *(
            run_and_compare(ends, name, modes, budget, subgraphs=subgraphs, moves=moves)
            for modes, budget, moves in ([*TOGETHER, *some(ALONE)] if subgraphs or name in WITH_SUBGRAPHS else TOGETHER)
        )
    )
    assert [(run.spec.stream_modes, run.limits.slice_budget, run.moves, wrong) for run, wrong in found if wrong] == []


@pytest.mark.parametrize("moves", [False, True])
@pytest.mark.parametrize("budget", [0.0, ENDLESS])
async def test_questions_are_published_once(ends: BackEnds, budget: float, moves: bool) -> None:
    run, wrong = await run_and_compare(ends, "ask_twice", LANGGRAPH_MODES, budget, subgraphs=True, moves=moves)
    assert wrong == []
    assert [question.value for asked in run.asked for question in asked] == ["first?", "second?"]


async def test_parallel_questions_are_published_once(ends: BackEnds) -> None:
    run, wrong = await run_and_compare(ends, "ask_beside", LANGGRAPH_MODES, ENDLESS, subgraphs=True)
    assert wrong == []
    assert [sorted(question.value for question in asked) for asked in run.asked] == [["iq?", "p?", "q?"]]


@pytest.mark.parametrize("moves", [False, True])
@pytest.mark.parametrize("name", ["line", "nested", "fan_out", "functional", "unsaved"])
async def test_async_durability_publishes_the_same(ends: BackEnds, name: str, moves: bool) -> None:
    modes = ("values", "updates", "tasks", "checkpoints")
    _, wrong = await run_and_compare(ends, name, modes, 0.0, subgraphs=True, moves=moves, durability="async")
    assert wrong == []


def forgetful() -> Any:
    """Graphs that keep no checkpoints: a node, one that a node calls, and one within it."""
    graph = sequence(noted([], "i"), chain([], "k", "l"), noted([], "j"), checkpointer=False)

    async def calls(state: State) -> dict[str, Any]:
        return {"log": (await graph.ainvoke({"log": []}))["log"]}

    return sequence(noted([], "a"), calls, graph, noted([], "z"))


@pytest.mark.parametrize("moves", [False, True])
async def test_a_graph_that_keeps_no_checkpoints_publishes_its_states(ends: BackEnds, moves: bool) -> None:
    modes = tuple(mode for mode in LANGGRAPH_MODES if mode != "debug")
    how: dict[str, Any] = {"stream_modes": modes, "stream_subgraphs": True, "durability": "async"}
    run = await make_run(ends, forgetful(), given={"log": []}, budget=0.0, moves=moves, **how)
    events = await run.to_end()
    expected, _ = await bare(forgetful(), run)
    assert differences(published(events), expected) == []


class Output(TypedDict):
    n: int


class Private(TypedDict):
    secret: str


def private() -> Any:
    """Its nested graph changes first what it does not give out, and then what it does."""

    async def hides(state: State) -> dict[str, Any]:
        return {"secret": "s", "log": ["hidden"]}

    async def gives(state: Private) -> dict[str, Any]:
        return {"n": len(state["secret"])}

    graph = StateGraph(State, output_schema=Output).add_node("hides", hides)
    graph.add_node("gives", gives, input_schema=Private).add_edge(START, "hides").add_edge("hides", "gives")
    return sequence(noted([], "a"), graph.compile(), noted([], "z"))


@pytest.mark.parametrize("moves", [False, True])
async def test_a_superstep_that_changes_nothing_of_the_output_has_no_values(ends: BackEnds, moves: bool) -> None:
    modes = ("values", "updates", "checkpoints")
    how: dict[str, Any] = {"stream_modes": modes, "stream_subgraphs": True, "moves": moves}
    run = await make_run(ends, private(), given={"log": []}, budget=0.0, **how)
    events = await run.to_end()
    expected, _ = await bare(private(), run)
    assert differences(published(events), expected) == []


@pytest.mark.parametrize("name", ["line", "nested", "functional"])
async def test_exit_durability_publishes_the_same_in_one_slice(ends: BackEnds, name: str) -> None:
    run, wrong = await run_and_compare(ends, name, ("values", "updates"), 0.0, subgraphs=True, durability="exit")
    assert wrong == []
    assert [result.outcome for result in run.slices] == ["done"]


async def test_a_budget_of_zero_is_one_superstep_a_slice(ends: BackEnds) -> None:
    run, _ = await run_and_compare(ends, "line", ("values",), 0.0, subgraphs=False)
    assert [(result.outcome, result.steps, result.next) for result in run.slices] == [
        ("more", 1, ["b"]),
        ("more", 2, ["c"]),
        ("more", 3, ["d"]),
        ("done", 4, []),
    ]


async def test_a_huge_budget_is_one_slice(ends: BackEnds) -> None:
    run, _ = await run_and_compare(ends, "nested", ("values",), ENDLESS, subgraphs=False)
    assert [(result.outcome, result.steps) for result in run.slices] == [("done", 3)]


async def test_slices_pause_inside_subgraphs(ends: BackEnds) -> None:
    effects: list[str] = []
    run = await make_run(ends, PLAIN["nested"](effects), given={"log": []}, budget=0)
    ends_of_slices = [len(effects) for _ in range(5) if (await run.turn()).outcome == "more"]
    assert ends_of_slices == [1, 2, 3, 4, 5]


async def test_a_node_that_calls_a_subgraph_runs_once(ends: BackEnds) -> None:
    effects: list[str] = []
    run = await make_run(ends, PLAIN["called"](effects), given={"log": []}, budget=0)
    await run.to_end()
    assert effects == ["prefix", "i1", "i2", "i3", "z"]


async def test_a_node_that_calls_a_subgraph_runs_once_in_a_slice(ends: BackEnds) -> None:
    effects: list[str] = []
    run = await make_run(ends, PLAIN["called"](effects), given={"log": []}, budget=ENDLESS)
    await run.to_end()
    assert effects == ["prefix", "i1", "i2", "i3", "z"]
