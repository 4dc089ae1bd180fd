"""Answers after the state of an interrupted thread was changed: as bare LangGraph takes them, and once."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from perdure.activities.graphs.interrupts import stopped_at
from perdure.activities.graphs.run_config import thread_config
from perdure.contracts.errors import RunStateError
from perdure.contracts.types import RunCommand, RunStatus
from perdure.workflows import run_state

from ..driving import BackEnds, Fuse, Run, make_run
from ..worlds import State, answers, noted
from .test_questions import at_writes


@cache
def _graph() -> Any:
    async def ask(state: State) -> dict[str, Any]:
        return {"log": [interrupt("first?"), interrupt("second?")]}

    graph = StateGraph(State)
    graph.add_node("a", noted([], "a", say=False))
    graph.add_node("ask", ask)
    graph.add_node("z", noted([], "z", say=False))
    for before, name in ((START, "a"), ("a", "ask"), ("ask", "z")):
        graph.add_edge(before, name)
    return graph.compile()


EDITS: list[tuple[str, dict[str, Any]]] = [("values", {}), ("as the node before", {"as_node": "a"})]


async def _edited(ends: BackEnds, edit: dict[str, Any], **spec: Any) -> Run:
    run = await make_run(ends, _graph(), given={"log": []}, **spec)
    await run.to_end()
    graph = _graph().copy({"checkpointer": ends.checkpoints.saver})
    await graph.aupdate_state(thread_config(run.thread_id), {"log": ["edited"]}, **edit)
    return run


@pytest.mark.parametrize("edit", [edit for _, edit in EDITS], ids=[name for name, _ in EDITS])
async def test_what_is_open_is_what_bare_langgraph_says(ends: BackEnds, edit: dict[str, Any]) -> None:
    run = await _edited(ends, edit)
    graph = _graph().copy({"checkpointer": ends.checkpoints.saver})
    state = await graph.aget_state(thread_config(run.thread_id))
    stopped = await stopped_at(graph, ends.checkpoints.saver, thread_config(run.thread_id))
    assert ([*stopped.asked], tuple(stopped.next)) == ([one.id for one in state.interrupts], state.next)


@pytest.mark.parametrize("edit", [edit for _, edit in EDITS], ids=[name for name, _ in EDITS])
async def test_a_later_run_answers_what_is_asked_next(ends: BackEnds, edit: dict[str, Any]) -> None:
    bare = await _edited(ends, edit)
    graph, config = _graph().copy({"checkpointer": ends.checkpoints.saver}), thread_config(bare.thread_id)
    await graph.ainvoke(Command(resume="R"), config)
    await graph.ainvoke(Command(resume="yes second?"), config)
    expected = (await graph.aget_state(config)).values

    async def later(fuse: Fuse) -> Any:
        before = await _edited(ends, edit)
        run = await make_run(
            ends, _graph(), command=RunCommand(resume="R"), thread_id=before.thread_id, answer=answers, fuse=fuse,
            budget=0,
        )  # fmt: skip
        await run.to_end()
        return [one.value for asked in run.asked for one in asked], await run.final()

    assert await later(Fuse()) == (["second?"], expected)
    await at_writes(later)


async def test_an_answer_to_the_run_that_waited_is_one_to_what_it_asks_next(ends: BackEnds) -> None:
    async def waited(fuse: Fuse) -> Any:
        run = await _edited(ends, {"as_node": "a"}, budget=0)
        run.state.status = RunStatus.AWAITING_INPUT
        run_state.accept_answer(run.state, "R")
        run.state.resumed, run.answer, run.fuse = True, answers, fuse
        await run.to_end()
        return [one.value for asked in run.asked[1:] for one in asked], await run.final()

    assert await waited(Fuse()) == (["second?"], {"log": ["a", "edited", "R", "yes second?", "z"]})
    await at_writes(waited)


async def test_an_answer_by_the_id_of_what_was_open_before_is_refused(ends: BackEnds) -> None:
    before = await _edited(ends, {"as_node": "a"})
    command = RunCommand(resume={before.asked[0][0].id: "R"})
    run = await make_run(ends, _graph(), command=command, thread_id=before.thread_id)
    with pytest.raises(RunStateError, match="no open question has the id"):
        await run.turn()
