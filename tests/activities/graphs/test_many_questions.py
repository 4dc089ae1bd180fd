"""Very many questions: found with few reads, and never more than Temporal carries."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import Send, interrupt

from perdure.activities.graphs.answers import Answers, RefusedAnswerError, fitting
from perdure.activities.graphs.interrupts import stopped_at
from perdure.activities.graphs.run_config import thread_config
from perdure.contracts.types import RunStatus
from perdure.contracts.wire import Answer, DeliveredAnswer, Question, RunProgress, SliceInput, SliceResult
from perdure.store.exchange import StateUpdate
from perdure.workflows import run_state

from ..driving import BackEnds
from ..worlds import State

TEMPORAL = 2_000_000
"""Bytes that it takes in a payload."""


async def _ask(state: State) -> dict[str, Any]:
    return {"log": [interrupt(f"{state.get('n')}?")]}


def _inner() -> Any:
    graph = StateGraph(State)
    graph.add_node("ask", _ask)
    graph.add_edge(START, "ask")
    return graph.compile()


def _fan(node: Any) -> Any:
    def each(state: State) -> list[Send]:
        return [Send("fan", {"log": [], "n": number}) for number in range(state.get("n", 0))]

    graph = StateGraph(State)
    graph.add_node("fan", node)
    graph.add_conditional_edges(START, each, ["fan"])
    return graph.compile()


def _hidden() -> Any:
    inner = {"graph": _inner()}

    async def call(state: State) -> dict[str, Any]:
        return {"log": (await inner["graph"].ainvoke(state))["log"]}

    return call


def _node() -> Any:
    return _ask


@pytest.mark.parametrize(("build", "each"), [(_node, 0), (_inner, 2), (_hidden, 2)])
@pytest.mark.parametrize("questions", [5, 40])
async def test_a_graph_is_read_once_for_all_of_its_questions(
    ends: BackEnds, monkeypatch: pytest.MonkeyPatch, build: Any, each: int, questions: int
) -> None:
    saver, config = ends.checkpoints.saver, thread_config("thread")
    graph = _fan(build()).copy({"checkpointer": saver})
    await graph.ainvoke({"log": [], "n": questions}, config)
    reads: list[Any] = []
    read = saver.aget_tuple

    async def counted(config: Any) -> Any:
        reads.append(config)
        return await read(config)

    monkeypatch.setattr(saver, "aget_tuple", counted)
    asked = (await stopped_at(graph, saver, config)).asked
    assert sorted(one.interrupt.value for one in asked.values()) == sorted(f"{n}?" for n in range(questions))
    assert len(reads) <= 2 + each * questions, "`each`: of the graphs below"


def _result(count: int, *, size: int = 32, text: str = "é" * 200, name: str = "fan") -> SliceResult:
    questions = [Question(id=f"{number:0{size}x}", text=text) for number in range(count)]
    return SliceResult(outcome="asks", next=[name] * count, questions=questions, undelivered=[q.id for q in questions])


@pytest.mark.parametrize(
    ("result", "by_reference"),
    [
        (_result(3), False),
        (_result(800), False),
        (_result(20_000), True),
        (_result(300, size=10_000), True),
        (_result(300, name="n" * 10_000), False),
    ],
    ids=["few", "800", "20,000", "long ids", "long names"],
)
def test_what_a_slice_says_fits_through_temporal(result: SliceResult, by_reference: bool) -> None:
    fit = fitting(result, by_reference=by_reference)
    assert len(fit.model_dump_json().encode()) < TEMPORAL / 4
    assert (fit.asked or len(fit.questions), len(fit.next) + fit.more) == (len(result.questions), len(result.next))
    assert bool(fit.asked) is by_reference
    state = RunProgress()
    run_state.accept_result(state, fit)
    assert len(state.model_dump_json().encode()) < TEMPORAL / 2


class SavedResults:
    """Where the large ones are."""

    def __init__(self) -> None:
        self.updates: dict[str, StateUpdate] = {}

    async def put_update(self, update_id: str, change: StateUpdate) -> None:
        self.updates.setdefault(update_id, change)

    async def get_update(self, update_id: str) -> StateUpdate:
        return self.updates[update_id]

    async def drop_update(self, update_id: str) -> None:
        self.updates.pop(update_id, None)


def _asking(result: SliceResult) -> RunProgress:
    state = RunProgress(status=RunStatus.RUNNING)
    run_state.accept_result(state, fitting(result, by_reference=False))
    state.status = RunStatus.AWAITING_INPUT
    return state


def _next_slice(state: RunProgress) -> SliceInput:
    return SliceInput(
        run_id="run", thread_id="thread", fence=1, answers=state.answers, given=state.given, asked_ref=state.asked_ref
    )


@pytest.mark.parametrize("ref", [None, "run/answer/1"], ids=["small", "large"])
@pytest.mark.parametrize("count", [1, 3, 20_000])
async def test_an_answer_reaches_its_questions_by_whichever_way(count: int, ref: str | None) -> None:
    given = _result(count)
    asked = {question.id: number % 3 for number, question in enumerate(given.questions)}
    for question in given.questions:
        question.answered = asked[question.id]
    value = {given.questions[-1].id: "yes", given.questions[0].id: "yes"}
    state, answers = _asking(given), Answers(kept := SavedResults())  # pyright: ignore[reportArgumentType]
    if name := run_state.keep_questions_as(state, "run"):
        await answers.keep(name, asked)
    if ref:
        await kept.put_update(ref, StateUpdate("json", Answer(value=value).model_dump_json().encode()))
    run_state.accept_answer(state, dict.fromkeys(value) if ref else value, ref=ref)
    seen: list[DeliveredAnswer] = []

    async def slice_of(slice: SliceInput) -> SliceResult:
        seen.extend(slice.answers)
        return SliceResult(outcome="done")

    await answers.run(_next_slice(state), slice_of)
    assert {one.id: (one.value, one.answered) for one in seen} == {id: ("yes", asked[id]) for id in value}
    run_state.accept_result(state, SliceResult(outcome="more"))
    assert (state.given, state.answers, state.asked, state.asked_ref) == (None, [], 0, None)
    await answers.drop(run_state.take_spent(state))
    assert kept.updates == {}


async def test_an_answer_that_only_its_worker_can_refuse_leaves_the_questions_open() -> None:
    state, answers = _asking(_result(20_000)), Answers(SavedResults())  # pyright: ignore[reportArgumentType]
    name = run_state.keep_questions_as(state, "run")
    assert name is not None
    await answers.keep(name, {question.id: 0 for question in _result(20_000).questions})
    with pytest.raises(run_state.UncheckedError):
        run_state.accept_answer(state, "no id", checked=False)
    run_state.accept_answer(state, "no id")

    async def slice_of(slice: SliceInput) -> SliceResult:
        raise AssertionError("nothing is executed")

    refused = await answers.run(_next_slice(state), slice_of)
    run_state.accept_result(state, refused)
    assert state.refused is not None
    assert state.refused.startswith("several questions are open")
    assert (state.asked, state.asked_ref, state.given, len(state.refused) < 1000) == (20_000, name, None, True)
    state.status = RunStatus.AWAITING_INPUT
    assert run_state.keep_questions_as(state, "run") is None, "they are there already"
    run_state.accept_answer(state, {f"{7:032x}": "yes"})
    assert state.refused is None


async def test_a_refused_answer_leaves_each_question_open() -> None:
    state = _asking(_result(3))
    run_state.accept_answer(state, {f"{1:032x}": "yes"})

    async def slice_of(slice: SliceInput) -> SliceResult:
        raise RefusedAnswerError("node 'x' is not in the graph that is served now")

    answers = Answers(SavedResults())  # pyright: ignore[reportArgumentType]
    run_state.accept_result(state, await answers.run(_next_slice(state), slice_of))
    assert (len(state.questions), state.answers) == (3, [])
    assert state.refused == "node 'x' is not in the graph that is served now"
