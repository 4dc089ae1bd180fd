"""An answer to a thread whose state was edited while it asked: given once, wherever the run is cut off."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from perdure import RunCommand
from perdure.activities.graphs.run_config import thread_config

from ..driving import BackEnds, Fuse, Run, gathered, make_run, spread

EARLY = "early"


class _Log(TypedDict):
    log: Annotated[list[str], operator.add]


def _asks(*questions: str) -> Callable[[_Log], Any]:
    async def ask(state: _Log) -> dict[str, Any]:
        return {"log": [f"{question}={interrupt(question)}" for question in questions]}

    return ask


async def _quiet(state: _Log) -> dict[str, Any]:
    return {"log": ["quiet"]}


def _in_turn(**nodes: Any) -> StateGraph[_Log]:
    graph, before = StateGraph(_Log), START
    for name, node in nodes.items():
        graph.add_node(name, node).add_edge(before, name)
        before = name
    return graph


def _beside(**nodes: Any) -> StateGraph[_Log]:
    graph = StateGraph(_Log).add_node("first", _quiet).add_edge(START, "first")
    for name, node in nodes.items():
        graph.add_node(name, node).add_edge("first", name)
    return graph


SUBGRAPH = _in_turn(inner1=_asks("a"), inner2=_quiet, inner3=_asks("b"), inner4=_asks("c")).compile()


async def _call(state: _Log) -> dict[str, Any]:
    return await SUBGRAPH.ainvoke({"log": []})


GRAPHS: dict[str, Any] = {
    "one node": _in_turn(first=_quiet, ask=_asks("a", "b", "c")),
    "subgraph": _in_turn(first=_quiet, ask=SUBGRAPH),
    "called subgraph": _in_turn(first=_quiet, ask=_call),
    "beside each other": _beside(one=_asks("a"), two=_asks("b"), three=_quiet),
    "below, beside each other": _beside(one=SUBGRAPH, two=_asks("d")),
}


def _answers(asked: Sequence[Any]) -> dict[str, Any]:
    return {one.id: f"to {one.value}" for one in asked}


async def _run(ends: BackEnds, graph: StateGraph[_Log], thread_id: str, fuse: Fuse) -> Run:
    """One that begins with the answer, on a thread of its own that was edited."""
    compiled, config = graph.compile(checkpointer=ends.checkpoints.saver), thread_config(thread_id)
    await compiled.ainvoke({"log": []}, config)
    assert (await compiled.aget_state(config)).interrupts
    await compiled.aupdate_state(config, {"log": ["edit"]}, as_node="first")
    return await make_run(
        ends, graph, thread_id=thread_id, fuse=fuse, budget=0.0, answer=_answers, command=RunCommand(resume=EARLY)
    )


async def _outcome(ends: BackEnds, name: str, number: int, *cuts: int) -> tuple[list[str], int, int]:
    fuse = Fuse(*cuts)
    run = await _run(ends, GRAPHS[name], f"{name} {number}", fuse)
    await run.to_end()
    return sorted((await run.final())["log"]), fuse.count, run.cuts


async def _bare(name: str) -> list[str]:
    compiled, config = GRAPHS[name].compile(checkpointer=InMemorySaver()), thread_config("t")
    await compiled.ainvoke({"log": []}, config)
    await compiled.aupdate_state(config, {"log": ["edit"]}, as_node="first")
    given: Any = EARLY
    while (await compiled.aget_state(config)).next:
        await compiled.ainvoke(Command(resume=given), config)
        given = _answers((await compiled.aget_state(config)).interrupts)
    return (await compiled.aget_state(config)).values["log"]


def _questions(log: list[str]) -> list[str]:
    return sorted(line.partition("=")[0] for line in log)


def _is_right(log: list[str], questions: list[str]) -> bool:
    """One question, whichever came first, got the early answer, each other one its own."""
    answers = dict(line.split("=") for line in log if "=" in line)
    early = [question for question, answer in answers.items() if answer == EARLY]
    own = all(answer == f"to {question}" for question, answer in answers.items() if answer != EARLY)
    return _questions(log) == questions and len(early) == 1 and own


@pytest.mark.parametrize("name", GRAPHS)
async def test_is_given_once(ends: BackEnds, name: str) -> None:
    log, writes, _ = await _outcome(ends, name, -1)
    assert _questions(log) == _questions(await _bare(name))
    numbers = spread(writes)
    found = await gathered(_outcome(ends, name, number, number) for number in numbers)
    assert sum(cuts for _, _, cuts in found) >= len(numbers) // 2
    logs = {-1: log} | {number: log for number, (log, _, _) in zip(numbers, found, strict=True)}
    assert {number: one for number, one in logs.items() if not _is_right(one, _questions(log))} == {}
