"""A graph whose node was renamed or removed while a run stood at it: the run says so, and does nothing."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import Send, interrupt

from perdure.activities.graphs.answers import RefusedAnswerError
from perdure.activities.graphs.graph_registry import load_graphs
from perdure.contracts.errors import MissingNodeError
from perdure.contracts.types import RunCommand, RunStatus
from perdure.contracts.wire import SliceResult
from perdure.workflows import run_state

from ..driving import BackEnds, Run, make_run
from ..worlds import State, answers, chain, noted

TEXT = "^node 'x' is not in the graph that is served now$"


async def _ask(state: State) -> dict[str, Any]:
    return {"log": [interrupt("x?")]}


def _handles(state: State) -> dict[str, Any]:
    return {"log": [interrupt("x?")]}


def _fails(state: State) -> dict[str, Any]:
    raise ValueError("no luck")


def plain(name: str) -> Any:
    graph = StateGraph(State)
    graph.add_node("a", noted([], "a", say=False))
    graph.add_node(name, _ask)
    graph.add_edge(START, "a")
    graph.add_edge("a", name)
    return graph.compile()


def sent(name: str) -> Any:
    def send(state: State) -> list[Send]:
        return [Send(name, {"log": []})]

    graph = StateGraph(State)
    graph.add_node(name, _ask)
    graph.add_conditional_edges(START, send, [name])
    return graph.compile()


def below(name: str) -> Any:
    graph = StateGraph(State)
    graph.add_node("sub", plain(name))
    graph.add_edge(START, "sub")
    return graph.compile()


def subgraph(name: str) -> Any:
    """The node that is a subgraph itself."""
    graph = StateGraph(State)
    graph.add_node(name, plain("ask"))
    graph.add_edge(START, name)
    return graph.compile()


def handled(name: str) -> Any:
    graph = StateGraph(State)
    graph.add_node(name, _fails, error_handler=_handles)
    graph.add_edge(START, name)
    return graph.compile()


def joined(name: str) -> Any:
    graph = StateGraph(State)
    graph.add_node("a", noted([], "a", say=False))
    graph.add_node("b", noted([], "b", say=False))
    graph.add_node(name, _ask)
    graph.add_edge(START, "a")
    graph.add_edge(START, "b")
    graph.add_edge(["a", "b"], name)
    return graph.compile()


WORLDS = [plain, sent, below, subgraph, handled, joined]


async def _serve(run: Run, graph: Any) -> None:
    run.graphs = await load_graphs({"graph": graph})


async def _waiting(ends: BackEnds, graph: Any, **spec: Any) -> Run:
    run = await make_run(ends, graph, given={"log": []}, budget=0, **spec)
    await run.to_end()
    return run


def _answer(run: Run, value: Any) -> None:
    run.state.status = RunStatus.AWAITING_INPUT
    run_state.accept_answer(run.state, value)
    run.state.resumed = True


@pytest.mark.parametrize("build", WORLDS)
async def test_the_question_stays_open_and_takes_its_answer_after_the_mend(ends: BackEnds, build: Any) -> None:
    run = await _waiting(ends, build("x"))
    questions = run.asked[-1]
    assert questions, "a test of nothing"
    await _serve(run, build("renamed"))
    _answer(run, "lost")
    with pytest.raises(RefusedAnswerError, match=TEXT):
        await run.turn()
    assert [(one.id, one.value) for one in await run.open_interrupts()] == [(one.id, one.value) for one in questions]
    run_state.accept_result(run.state, SliceResult(outcome="asks", refused="as a worker says it"))
    await _serve(run, build("x"))
    _answer(run, "yes")
    await run.to_end()
    assert (await run.final())["log"][-1] == "yes"


@pytest.mark.parametrize("build", WORLDS)
async def test_a_run_that_is_taken_over_there_fails_with_its_state_kept(ends: BackEnds, build: Any) -> None:
    run = await _waiting(ends, build("x"))
    before = await run.final()
    await _serve(run, build("renamed"))
    run.state.resumed, run.answer = True, answers
    with pytest.raises(MissingNodeError, match=TEXT):
        await run.turn()
    assert (await run.final()) == before


async def test_a_run_that_paused_before_it_fails(ends: BackEnds) -> None:
    """The next slice may be another worker's."""
    run = await make_run(ends, chain([], "a", "x", say=False), given={"log": []}, budget=0, moves=True)
    assert (await run.turn()).next == ["x"]
    await _serve(run, chain([], "a", "renamed", say=False))
    with pytest.raises(MissingNodeError, match=TEXT):
        await run.turn()
    assert (await run.final())["log"] == ["a"]


def fork(name: str, *, defer: bool = False) -> Any:
    """A node that has ended, and of which nothing is left but that a join has seen it."""
    graph = StateGraph(State)
    for node in ("a", "b", name):
        graph.add_node(node, noted([], node, say=False))
    graph.add_node("z", noted([], "z", say=False), defer=defer)
    graph.add_edge(START, "a").add_edge(START, name).add_edge("a", "b")
    graph.add_edge(["b", name], "z")
    return graph.compile()


def nested_fork(name: str) -> Any:
    return StateGraph(State).add_node("sub", fork(name)).add_edge(START, "sub").compile()


@pytest.mark.parametrize("build", [fork, nested_fork, partial(fork, defer=True)], ids=["root", "nested", "deferred"])
async def test_a_join_that_has_seen_it_does_not_wait_in_vain(ends: BackEnds, build: Any) -> None:
    run = await make_run(ends, build("x"), given={"log": []}, budget=0, moves=True)
    await run.turn()
    await _serve(run, build("renamed"))
    with pytest.raises(MissingNodeError, match=TEXT):
        await run.turn()
    await _serve(run, build("x"))
    await run.to_end()
    assert sorted((await run.final())["log"]) == ["a", "b", "x", "z"]


async def test_a_breakpoint_before_it_holds_the_run_still(ends: BackEnds) -> None:
    run = await _waiting(ends, chain([], "a", "x", say=False), interrupt_before=("x",))
    held = run.asked[-1]
    await _serve(run, chain([], "a", "renamed", say=False))
    _answer(run, None)
    with pytest.raises(RefusedAnswerError, match=TEXT):
        await run.turn()
    assert await run.open_interrupts() == held
    run_state.accept_result(run.state, SliceResult(outcome="asks", refused="as a worker says it"))
    await _serve(run, chain([], "a", "x", say=False))
    _answer(run, None)
    await run.to_end()
    assert (await run.final())["log"] == ["a", "x"]


async def test_a_later_runs_command_says_so_and_a_new_input_goes_its_own_way(ends: BackEnds) -> None:
    before = await _waiting(ends, plain("x"))
    later = await make_run(
        ends, plain("renamed"), command=RunCommand(resume="yes"), thread_id=before.thread_id, budget=0
    )
    with pytest.raises(MissingNodeError, match=TEXT):
        await later.turn()
    fresh = await make_run(ends, plain("renamed"), given={"log": ["new"]}, thread_id=before.thread_id, answer=answers)
    await fresh.to_end()
    assert (await fresh.final())["log"][-3:] == ["new", "a", "yes x?"]
