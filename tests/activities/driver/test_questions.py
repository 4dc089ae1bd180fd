"""Answers, commands and breakpoints: each is delivered or kept exactly once, wherever a slice is cut."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from perdure.contracts.errors import RunStateError
from perdure.contracts.types import RunCommand, RunInterrupt

from ..comparing import bare, differences, published
from ..driving import BackEnds, Fuse, Run, gathered, make_run, spread
from ..worlds import ASKING, PLAIN, State, answers, chain, noted, sequence

ENDLESS = 1000.0


async def at_writes(run: Callable[[Fuse], Awaitable[Any]]) -> None:
    """The run comes to the same when it is cut off before its n-th durable write, for `MOST_CUTS` spread n."""
    uncut = Fuse()
    expected = await run(uncut)
    numbers = spread(uncut.count)
    found = await gathered(run(Fuse(number)) for number in numbers)
    assert {number: got for number, got in zip(numbers, found, strict=True) if got != expected} == {}


def asked(run: Run) -> list[list[Any]]:
    return [sorted(question.value for question in questions) for questions in run.asked]


@pytest.mark.parametrize("budget", [0.0, ENDLESS])
async def test_each_of_two_questions_gets_its_own_answer(ends: BackEnds, budget: float) -> None:
    graph = ASKING["ask_twice"]([])

    async def run(fuse: Fuse) -> Any:
        run = await make_run(ends, graph, given={"log": []}, budget=budget, answer=answers, fuse=fuse)
        await run.to_end()
        return asked(run), await run.final()

    assert await run(Fuse()) == ([["first?"], ["second?"]], {"log": ["a", "yes first?,yes second?", "z"]})
    await at_writes(run)


async def test_parallel_questions_and_one_of_a_subgraph_get_their_answers(ends: BackEnds) -> None:
    graph = ASKING["ask_beside"]([])

    async def run(fuse: Fuse) -> Any:
        run = await make_run(ends, graph, given={"log": []}, budget=ENDLESS, answer=answers, fuse=fuse)
        await run.to_end()
        return asked(run), await run.final()

    questions, final = await run(Fuse())
    assert questions == [["iq?", "p?", "q?"]]
    assert {"p=yes p?", "q=yes q?", "iq=yes iq?"} <= set(final["log"])
    await at_writes(run)


async def test_questions_may_be_answered_one_by_one(ends: BackEnds) -> None:
    def first(questions: tuple[RunInterrupt, ...]) -> dict[str, Any]:
        question = min(questions, key=lambda one: str(one.value))
        return {question.id: f"yes {question.value}"}

    graph = ASKING["ask_beside"]([])

    async def run(fuse: Fuse) -> Any:
        run = await make_run(ends, graph, given={"log": []}, budget=ENDLESS, answer=first, fuse=fuse)
        await run.to_end()
        return asked(run), sorted((await run.final())["log"])

    questions, _ = await run(Fuse())
    assert questions == [["iq?", "p?", "q?"], ["p?", "q?"], ["q?"]]
    await at_writes(run)


def question_first(effects: list[str]) -> Any:
    """A question in the first node of a subgraph, beside one in a node of the root."""

    async def inner_question(state: State) -> dict[str, Any]:
        answer = interrupt("inner?")
        effects.append(f"inner={answer}")
        return {"log": [answer]}

    async def question(state: State) -> dict[str, Any]:
        answer = interrupt("root?")
        effects.append(f"root={answer}")
        return {"log": [answer]}

    inner = StateGraph(State)
    inner.add_node("inner_question", inner_question)
    inner.add_edge(START, "inner_question")
    graph = StateGraph(State)
    graph.add_node("question", question)
    graph.add_node("inner", inner.compile())
    graph.add_edge(START, "question")
    graph.add_edge(START, "inner")
    return graph.compile()


async def test_no_answer_is_lost_by_a_pause(ends: BackEnds) -> None:
    effects: list[str] = []
    run = await make_run(ends, question_first(effects), given={"log": []}, budget=0, answer=answers)
    await run.to_end()
    assert asked(run) == [["inner?", "root?"]]
    assert sorted(effects) == ["inner=yes inner?", "root=yes root?"]


async def test_an_answer_reaches_a_graph_that_is_cancelled_while_it_takes_it(ends: BackEnds) -> None:
    graph = ASKING["ask_twice"]([])
    for turns in range(0, 240, 20):
        run = await make_run(
            ends, graph, given={"log": []}, budget=ENDLESS, answer=answers,
            cancels=(None, turns, None, turns),
        )  # fmt: skip
        await run.to_end()
        assert (asked(run), await run.final()) == (
            [["first?"], ["second?"]],
            {"log": ["a", "yes first?,yes second?", "z"]},
        )


# Commands.


async def stopped_thread(ends: BackEnds, world: Any) -> Run:
    """A thread whose run has ended, or waits."""
    run = await make_run(ends, world, given={"log": ["in"]}, budget=ENDLESS)
    await run.to_end()
    return run


@pytest.mark.parametrize(
    ("name", "command", "final", "budget"),
    [
        (
            "line",
            {"update": {"log": ["told"]}, "goto": "c"},
            {"log": ["in", "a", "b", "c", "d", "told", "c", "d"]},
            0.0,
        ),
        ("line", {"goto": ("b", "d")}, {"log": ["in", "a", "b", "c", "d", "b", "d", "c", "d"]}, ENDLESS),
        ("loop", {"update": {"n": 3}, "goto": "work"}, {"log": ["in"], "n": 6}, 0.0),
        ("ask_twice", {"resume": "R"}, {"log": ["in", "a", "R,yes second?", "z"]}, ENDLESS),
        (
            "ask_twice",
            {"update": {"log": ["told"]}, "resume": "R"},
            {"log": ["in", "a", "told", "R,yes second?", "z"]},
            0.0,
        ),
    ],
)
async def test_a_command_is_applied_once(
    ends: BackEnds, name: str, command: dict[str, Any], final: Any, budget: float
) -> None:
    graph = {**PLAIN, **ASKING}[name]([])

    async def run(fuse: Fuse) -> Any:
        before = await stopped_thread(ends, graph)
        run = await make_run(
            ends, graph, command=RunCommand(**command), thread_id=before.thread_id, budget=budget,
            answer=answers, fuse=fuse, stream_modes=("values", "updates"),
        )  # fmt: skip
        await run.to_end()
        return await run.final(), sorted(published(await run.events()))

    assert (await run(Fuse()))[0] == final
    await at_writes(run)


async def test_a_command_answers_several_questions_by_their_ids(ends: BackEnds) -> None:
    before = await stopped_thread(ends, ASKING["ask_beside"]([]))
    given = answers(before.asked[0])
    run = await make_run(
        ends, ASKING["ask_beside"]([]), command=RunCommand(resume=given), thread_id=before.thread_id, budget=ENDLESS
    )
    await run.to_end()
    assert run.slices[-1].outcome == "done"


@pytest.mark.parametrize(
    ("world", "resume", "text"),
    [
        ("line", "yes", "command.resume: no question is open"),
        ("ask_beside", "yes", "command.resume: several questions are open"),
        ("ask_beside", {"unknown": "yes"}, "command.resume: several questions are open"),
    ],
)
async def test_a_command_that_answers_nothing_is_refused(ends: BackEnds, world: str, resume: Any, text: str) -> None:
    graph = {**PLAIN, **ASKING}[world]([])
    before = await stopped_thread(ends, graph)
    run = await make_run(ends, graph, command=RunCommand(resume=resume), thread_id=before.thread_id)
    with pytest.raises(RunStateError, match=text):
        await run.turn()


async def test_a_run_starts_from_the_checkpoint_that_it_asks_for(ends: BackEnds) -> None:
    before = await stopped_thread(ends, PLAIN["line"]([]))
    history = [
        found
        async for found in ends.checkpoints.saver.alist({"configurable": {"thread_id": before.thread_id}})
        if found.metadata.get("step") == 2
    ]
    effects: list[str] = []
    checkpoint_id = history[0].checkpoint["id"]

    async def run(fuse: Fuse) -> Any:
        run = await make_run(
            ends, PLAIN["line"](effects), thread_id=before.thread_id, budget=0, fuse=fuse,
            checkpoint_request={"checkpoint_id": checkpoint_id},
        )  # fmt: skip
        await run.to_end()
        return await run.final()

    assert await run(Fuse()) == {"log": ["in", "a", "b", "c", "d"]}
    assert effects == ["c", "d"]


async def test_an_unknown_checkpoint_is_refused(ends: BackEnds) -> None:
    before = await stopped_thread(ends, PLAIN["line"]([]))
    run = await make_run(
        ends, PLAIN["line"]([]), thread_id=before.thread_id, checkpoint_request={"checkpoint_id": "1f0-none"}
    )
    with pytest.raises(RunStateError, match="has no checkpoint '1f0-none'"):
        await run.turn()


# Breakpoints.


def breakpoints(run: Run) -> list[list[str]]:
    return [question.value["breakpoint"] for questions in run.asked for question in questions]


@pytest.mark.parametrize(
    ("name", "before", "after", "expected"),
    [
        ("line", ("c",), (), [["c"]]),
        ("line", (), ("b",), [["c"]]),
        ("line", ("b", "d"), (), [["b"], ["d"]]),
        ("line", "*", (), [["a"], ["b"], ["c"], ["d"]]),
        ("nested", ("middle",), (), [["middle"]]),
        ("nested", (), ("middle",), [["z"]]),
        ("fan_out", ("fan",), (), [["fan"] * 3] * 2),
        pytest.param(
            "line", (), "*", [["b"], ["c"], ["d"]]),
        pytest.param(
            "line", (), ("d",), []),
    ],
)  # fmt: skip
async def test_a_run_is_held_once_at_each_breakpoint(
    ends: BackEnds, name: str, before: Any, after: Any, expected: list[list[str]]
) -> None:
    graph = PLAIN[name]([])

    async def run(fuse: Fuse) -> Any:
        run = await make_run(
            ends, graph, given={"log": []}, budget=0.0 if before else ENDLESS,
            answer=lambda _: "go on", fuse=fuse, interrupt_before=before, interrupt_after=after,
        )  # fmt: skip
        await run.to_end()
        return breakpoints(run), await run.final()

    assert (await run(Fuse()))[0] == expected
    await at_writes(run)


@pytest.mark.parametrize("moves", [False, True])
@pytest.mark.parametrize("breaks", [{"interrupt_before": "*"}, {"interrupt_after": ("b",)}])
async def test_each_breakpoint_is_published(ends: BackEnds, breaks: dict[str, Any], moves: bool) -> None:
    graph, modes = PLAIN["line"]([]), ("updates", "values", "checkpoints")
    how: dict[str, Any] = {"stream_modes": modes, "moves": moves, **breaks}
    run = await make_run(ends, graph, given={"log": []}, budget=0.0, answer=lambda _: None, **how)
    events = await run.to_end()
    expected, _ = await bare(PLAIN["line"]([]), run, answer=lambda _: None)
    assert published(events) == expected


@pytest.mark.parametrize(("subgraphs", "moves"), [(False, False), (True, False), (True, True)])
async def test_each_breakpoint_of_a_subgraph_is_published(ends: BackEnds, subgraphs: bool, moves: bool) -> None:
    """The graph around it stands at one checkpoint all the while. LangGraph passes one at which it is picked up."""

    def build() -> Any:
        inner = chain([], "i", "j", "k", interrupt_before=["j"], interrupt_after=["j"])
        return sequence(noted([], "a"), inner)

    modes = ("updates", "values", "checkpoints")
    how: dict[str, Any] = {"stream_modes": modes, "stream_subgraphs": subgraphs, "moves": moves}
    run = await make_run(ends, build(), given={"log": []}, budget=0.0, answer=lambda _: None, **how)
    events = await run.to_end()
    expected, _ = await bare(build(), run, answer=lambda _: None)
    assert differences(published(events), expected) == []
    assert len(run.asked) == 2


async def test_the_graphs_own_breakpoints_hold_it(ends: BackEnds) -> None:
    effects: list[str] = []
    graph = chain(effects, "a", "b", "c", interrupt_before=["b"])
    run = await make_run(ends, graph, given={"log": []}, budget=0, answer=lambda _: "go on")
    await run.to_end()
    assert breakpoints(run) == [["b"]]
    assert effects == ["a", "b", "c"]


async def test_the_graphs_own_breakpoints_hold_it_after_a_cut(ends: BackEnds) -> None:
    graph = chain([], "a", "b", "c", interrupt_before=["b"])

    async def run(fuse: Fuse) -> Any:
        run = await make_run(ends, graph, given={"log": []}, answer=lambda _: "go on", fuse=fuse)
        await run.to_end()
        return breakpoints(run)

    await at_writes(run)


@pytest.mark.parametrize("budget", [0.0, ENDLESS])
async def test_work_beside_a_question_is_done_before_it_is_asked(ends: BackEnds, budget: float) -> None:
    effects: list[str] = []
    run = await make_run(ends, ASKING["ask_beside"](effects), given={"log": []}, budget=budget)
    await run.to_end()
    assert set(effects) == {"w", "i1", "s1", "s2", "s3"}


async def test_what_a_question_says_again_after_a_pause(ends: BackEnds) -> None:
    said: list[str] = []

    async def ask(state: State) -> dict[str, Any]:
        said.append("ask")
        return {"log": [interrupt("?")]}

    graph = StateGraph(State)
    graph.add_node("ask", ask)
    graph.add_node("steps", chain([], "s1", "s2", "s3", "s4"))
    graph.add_node("after", noted([], "after"))
    graph.add_edge(START, "ask")
    graph.add_edge(START, "steps")
    graph.add_edge(["ask", "steps"], "after")
    run = await make_run(ends, graph.compile(), given={"log": []}, budget=0, answer=answers)
    await run.to_end()
    assert said == ["ask", "ask"]
