"""Error handlers that ask: no state of LangGraph shows it, yet they are asked and answered like nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt

from perdure.activities.graphs.interrupts import open_questions
from perdure.activities.graphs.run_config import thread_config
from perdure.contracts.types import RunCommand

from ..driving import BackEnds, Fuse, Run, make_run
from ..worlds import Effects, State, answers, noted
from .test_questions import ENDLESS, asked, at_writes


def _fails(effects: Effects) -> Any:
    async def fails(state: State) -> dict[str, Any]:
        effects.append("fails")
        raise ValueError("the printer is on fire")

    return fails


def _handler(*questions: str, goto: str = "after") -> Any:
    async def handler(state: State) -> Command[str]:
        return Command(update={"log": [interrupt(question) for question in questions]}, goto=goto)

    return handler


def _graph(effects: Effects, handler: Any) -> StateGraph[State]:
    graph = StateGraph(State)
    graph.add_node("n", _fails(effects), error_handler=handler)
    graph.add_node("after", noted(effects, "after", say=False))
    graph.add_edge(START, "n")
    return graph


def own(effects: Effects) -> Any:
    return _graph(effects, _handler("what now?")).compile()


def twice(effects: Effects) -> Any:
    return _graph(effects, _handler("first?", "second?")).compile()


def default(effects: Effects) -> Any:
    graph = StateGraph(State).set_node_defaults(error_handler=_handler("what now?", goto=END))
    graph.add_node("n", _fails(effects))
    graph.add_edge(START, "n")
    return graph.compile()


def nested(effects: Effects) -> Any:
    graph = StateGraph(State)
    graph.add_node("sub", twice(effects))
    graph.add_edge(START, "sub")
    return graph.compile()


def beside(effects: Effects) -> Any:
    """A node that asks, too."""

    async def ask(state: State) -> dict[str, Any]:
        return {"log": [interrupt("node?")]}

    graph = _graph(effects, _handler("first?", "second?"))
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    return graph.compile()


def calls(effects: Effects) -> Any:
    """A handler that calls a graph that asks."""

    async def ask(state: State) -> dict[str, Any]:
        return {"log": [interrupt("first?"), interrupt("second?")]}

    inner = StateGraph(State)
    inner.add_node("ask", ask)
    inner.add_edge(START, "ask")
    called = inner.compile()

    async def handler(state: State) -> Command[str]:
        return Command(update={"log": (await called.ainvoke({"log": []}))["log"]}, goto="after")

    return _graph(effects, handler).compile()


def sent(effects: Effects) -> Any:
    """Tasks of one node, each of which fails."""

    def each(state: State) -> list[Send]:
        return [Send("n", {"log": [], "n": number}) for number in range(2)]

    async def handler(state: State) -> dict[str, Any]:
        return {"log": [interrupt(f"{state.get('n')}?")]}

    graph = StateGraph(State)
    graph.add_node("n", _fails(effects), error_handler=handler)
    graph.add_conditional_edges(START, each, ["n"])
    return graph.compile()


WORLDS: list[tuple[Callable[[Effects], Any], list[list[str]], list[str]]] = [
    (own, [["what now?"]], ["yes what now?", "after"]),
    (twice, [["first?"], ["second?"]], ["yes first?", "yes second?", "after"]),
    (default, [["what now?"]], ["yes what now?"]),
    (nested, [["first?"], ["second?"]], ["yes first?", "yes second?", "after"]),
    (beside, [["first?", "node?"], ["second?"]], ["yes node?", "yes first?", "yes second?", "after"]),
    (calls, [["first?"], ["second?"]], ["yes first?", "yes second?", "after"]),
    (sent, [["0?", "1?"]], ["yes 0?", "yes 1?"]),
]


@pytest.mark.parametrize(("build", "questions", "log"), WORLDS, ids=[one[0].__name__ for one in WORLDS])
@pytest.mark.parametrize("budget", [0.0, ENDLESS])
async def test_each_answer_reaches_its_question_once(
    ends: BackEnds, build: Callable[[Effects], Any], questions: list[list[str]], log: list[str], budget: float
) -> None:
    graph = build([])

    async def run(fuse: Fuse) -> Any:
        run = await make_run(ends, graph, given={"log": []}, budget=budget, answer=answers, fuse=fuse)
        await run.to_end()
        return asked(run), sorted((await run.final())["log"])

    assert await run(Fuse()) == (questions, sorted(log))
    if budget:
        await at_writes(run)


@pytest.mark.parametrize(("build", "questions", "log"), WORLDS, ids=[one[0].__name__ for one in WORLDS])
async def test_bare_langgraph_comes_to_the_same(
    ends: BackEnds, build: Callable[[Effects], Any], questions: list[list[str]], log: list[str]
) -> None:
    """The ids that are found are those that bare LangGraph takes, and its failed node does not run again, either."""
    effects: Effects = []
    saver = ends.checkpoints.saver
    graph, config = build(effects).copy({"checkpointer": saver}), thread_config(f"bare-{build.__name__}")
    await graph.ainvoke({"log": []}, config)
    failed = effects.count("fails")
    for _ in questions:
        found = await open_questions(graph, saver, config)
        await graph.ainvoke(Command(resume={id: f"yes {one.interrupt.value}" for id, one in found.items()}), config)
    state = await graph.aget_state(config)
    assert (sorted(state.values["log"]), state.next, effects.count("fails")) == (sorted(log), (), failed)


async def test_the_failed_node_does_not_run_again(ends: BackEnds) -> None:
    effects: Effects = []
    run = await make_run(ends, twice(effects), given={"log": []}, answer=answers)
    await run.to_end()
    assert effects == ["fails", "after"]


@pytest.mark.parametrize("build", [own, default, nested])
async def test_a_later_run_answers_by_its_command(ends: BackEnds, build: Callable[[Effects], Any]) -> None:
    before = await make_run(ends, build([]), given={"log": []})
    await before.to_end()

    async def later(fuse: Fuse) -> Run:
        command = RunCommand(resume={one.id: "later" for one in await before.open_interrupts()})
        run = await make_run(
            ends, build([]), command=command, thread_id=before.thread_id, answer=answers, fuse=fuse, budget=0
        )
        await run.to_end()
        return run

    assert (await (await later(Fuse(2))).final())["log"][0] == "later"
