"""What signals and updates change in a run, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from perdure import CancelAction, RunStatus
from perdure.contracts.wire import DeliveredAnswer, Question, RunProgress
from perdure.workflows import run_state
from perdure.workflows.run_state import RefusedError

INTERRUPT, ROLLBACK = CancelAction.INTERRUPT, CancelAction.ROLLBACK
TERMINAL = [status for status in RunStatus if status.terminal]


def asking(*ids: str, **fields: Any) -> RunProgress:
    """A run that waits for the answers to these questions."""
    questions = [Question(id=name, answered=number) for number, name in enumerate(ids)]
    return RunProgress(status=RunStatus.AWAITING_INPUT, questions=questions, **fields)


# The cancel signal.


def test_a_cancel_may_ask_for_a_rollback() -> None:
    assert run_state.read_cancel(({"action": "rollback"},)) is ROLLBACK


@pytest.mark.parametrize("arguments", [(), (None,), ({},), ({"action": "interrupt"},)])
def test_a_cancel_without_more_is_an_interrupt(arguments: tuple[Any, ...]) -> None:
    assert run_state.read_cancel(arguments) is INTERRUPT


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("interrupt",), "cancel takes"),
        ((["interrupt"],), "cancel takes"),
        ((7,), "cancel takes"),
        ((False,), "cancel takes"),
        (({"action": None},), "cancel takes"),
        (({"action": "INTERRUPT"},), "cancel takes"),
        (({"action": "explode"},), "cancel takes .*explode"),
        (({"action": "interrupt", "more": 1},), "cancel takes"),
        (({"action": "interrupt"}, {"action": "interrupt"}), "one JSON value is expected, not 2"),
        ((None, None), "one JSON value is expected, not 2"),
    ],
)
def test_a_malformed_cancel_is_refused(arguments: tuple[Any, ...], why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        run_state.read_cancel(arguments)


def test_the_first_cancel_action_wins() -> None:
    state = RunProgress()
    run_state.accept_cancel(state, INTERRUPT)
    run_state.accept_cancel(state, ROLLBACK)
    assert state.cancel is INTERRUPT


@pytest.mark.parametrize("status", [status for status in RunStatus if not status.terminal])
def test_a_run_in_flight_can_be_cancelled(status: RunStatus) -> None:
    state = RunProgress(status=status)
    run_state.accept_cancel(state, INTERRUPT)
    assert state == RunProgress(status=status, cancel=INTERRUPT)


@pytest.mark.parametrize("status", TERMINAL)
def test_a_run_that_has_ended_keeps_its_end(status: RunStatus) -> None:
    state = RunProgress(status=status)
    with pytest.raises(RefusedError, match=f"the run has ended as {status}"):
        run_state.accept_cancel(state, INTERRUPT)
    assert state.cancel is None


# The resume signal, and answers.


@pytest.mark.parametrize("value", [None, 0, "", [], {}, {"value": {"value": 1}}, "Ann"])
def test_a_resume_carries_any_value(value: Any) -> None:
    assert run_state.read_resume(({"value": value},)) == value


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "resume takes"),
        ((None,), "resume takes"),
        (("Ann",), "resume takes .*not 'Ann'"),
        (([1],), "resume takes"),
        (({"Value": 1},), "resume takes"),
        (({"value": 1, "id": "a"},), "resume takes"),
        (({"value": 1}, {"value": 2}), "one JSON value is expected, not 2"),
    ],
)
def test_a_malformed_resume_is_refused(arguments: tuple[Any, ...], why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        run_state.read_resume(arguments)


@pytest.mark.parametrize(
    ("asked", "value", "delivered"),
    [
        (["a"], "Ann", {"a": "Ann"}),
        (["a"], None, {"a": None}),
        (["a"], {}, {"a": {}}),
        (["a"], {"a": 1}, {"a": 1}),
        (["a"], {"b": 1}, {"a": {"b": 1}}),
        (["a"], {"a": 1, "b": 2}, {"a": {"a": 1, "b": 2}}),
        (["a", "b"], {"a": 1, "b": 2}, {"a": 1, "b": 2}),
        (["a", "b"], {"b": 2}, {"b": 2}),
    ],
    ids=[
        "value",
        "null",
        "empty",
        "map",
        "map as value",
        "map with more as value",
        "all of several",
        "some of several",
    ],
)
def test_an_answer(asked: list[str], value: Any, delivered: dict[str, Any]) -> None:
    state = asking(*asked)
    counts = {question.id: question.answered for question in state.questions}
    run_state.accept_answer(state, value)
    assert state.answers == [DeliveredAnswer(id=key, value=delivered[key], answered=counts[key]) for key in delivered]
    assert (state.status, state.questions) == (RunStatus.RUNNING, [])


@pytest.mark.parametrize("value", ["Ann", None, {}, {"c": 1}, {"a": 1, "c": 2}, [1, 2]])
def test_an_answer_to_several_questions_needs_their_ids(value: Any) -> None:
    state = asking("a", "b")
    with pytest.raises(RefusedError, match=r"several questions are open.*a, b"):
        run_state.accept_answer(state, value)
    assert state == asking("a", "b")


@pytest.mark.parametrize("value", [None, "go on", {"a": 1}])
def test_any_answer_passes_a_breakpoint(value: Any) -> None:
    state = asking(breakpoint="checkpoint")
    run_state.accept_answer(state, value)
    assert state == RunProgress(status=RunStatus.RUNNING, breakpoint="checkpoint"), "it remembers which one it passed"


def test_a_second_answer_is_refused() -> None:
    state = asking("a")
    run_state.accept_answer(state, "first")
    before = state.model_copy(deep=True)
    with pytest.raises(RefusedError, match=r"does not wait for an answer \(it is running\)"):
        run_state.accept_answer(state, "second")
    assert state == before


@pytest.mark.parametrize("status", [status for status in RunStatus if status is not RunStatus.AWAITING_INPUT])
def test_a_run_that_does_not_wait_takes_no_answer(status: RunStatus) -> None:
    state = RunProgress(status=status, questions=[Question(id="a")])
    with pytest.raises(RefusedError, match=f"it is {status}"):
        run_state.accept_answer(state, "Ann")
    assert state.answers == []


def test_a_cancelled_run_takes_no_answer() -> None:
    state = asking("a")
    run_state.accept_cancel(state, INTERRUPT)
    with pytest.raises(RefusedError):
        run_state.accept_answer(state, "Ann")
    assert (state.answers, state.cancel) == ([], INTERRUPT)
