"""What a slice changes in a run, when a graph is tried again, and how a run ends; without a server."""

from __future__ import annotations

from typing import Any

import pytest

from perdure import CancelAction, RetryPolicy, RunError, RunStatus
from perdure.contracts.wire import DeliveredAnswer, Question, RunProgress, SliceResult
from perdure.contracts.wire_ending import GraphFailure
from perdure.workflows import run_state

INTERRUPT, ROLLBACK = CancelAction.INTERRUPT, CancelAction.ROLLBACK


def failure(*classes: str, attempt: int = 1) -> GraphFailure:
    return GraphFailure(error=RunError(type="ValueError", message="no"), classes=[*classes], attempt=attempt)


# Slices.


def test_a_slice_moves_the_run_on() -> None:
    state = RunProgress(slices=2, takeovers=1, answers=[DeliveredAnswer(id="a")], resumed=True)
    run_state.accept_result(state, SliceResult(outcome="more", attempt=3, steps=7, next=["tools"]))
    assert state == RunProgress(slices=3, takeovers=3, steps=7, next=["tools"])


@pytest.mark.parametrize(("outcome", "holder"), [("more", "w"), ("done", None), ("asks", None), ("stopped", None)])
def test_only_a_run_that_goes_on_is_held(outcome: Any, holder: str | None) -> None:
    state = RunProgress(holder="before")
    run_state.accept_result(state, SliceResult(outcome=outcome, holder="w"))
    assert state.holder == holder


def test_a_stop_that_comes_before_the_holder_is_asked_leaves_it_the_graph() -> None:
    """Else nobody would let go of it before the run ends."""
    state = RunProgress(holder="w", next=["tools"], answers=[DeliveredAnswer(id="a")], cancel=INTERRUPT)
    before = state.model_copy(deep=True)
    run_state.accept_result(state, SliceResult(outcome="elsewhere"))
    assert state == before.model_copy(update={"slices": 1})


def test_only_a_slice_that_asks_brings_questions() -> None:
    state = RunProgress()
    result = SliceResult(outcome="asks", questions=[Question(id="a", answered=1)], breakpoint=None)
    run_state.accept_result(state, result)
    assert state.questions == [Question(id="a", answered=1)]
    run_state.accept_result(state, SliceResult(outcome="asks", breakpoint="checkpoint"))
    assert (state.questions, state.breakpoint) == ([], "checkpoint")
    run_state.accept_result(state, SliceResult(outcome="more"))
    assert state.breakpoint == "checkpoint", "the breakpoint that may be passed"


def test_a_graph_that_raised_has_had_its_attempts() -> None:
    state = RunProgress(slices=1, takeovers=1, holder="w")
    run_state.accept_failure(state, failure("ValueError", attempt=2))
    assert (state.slices, state.takeovers, state.holder) == (2, 3, None)


# Retries.

_THREE = RetryPolicy(max_attempts=3, initial_interval=0.5, backoff=3, max_interval=1.2)
_ONLY = RetryPolicy(max_attempts=2, retry_on=("OSError", "pkg.Busy"))


@pytest.mark.parametrize(
    ("policy", "attempts", "classes", "delay"),
    [
        (RetryPolicy(), 1, ["ValueError"], None),
        (_THREE, 1, ["ValueError"], 0.5),
        (_THREE, 2, ["ValueError"], 1.2),
        (_THREE, 3, ["ValueError"], None),
        (_ONLY, 1, ["OSError"], 1.0),
        (_ONLY, 1, ["ConnectionError", "OSError", "Exception"], 1.0),
        (_ONLY, 1, ["pkg.Busy"], 1.0),
        (_ONLY, 1, ["other.Busy"], None),
        (_ONLY, 1, ["ValueError", "Exception"], None),
        (_ONLY, 1, [], None),
        (_ONLY, 2, ["OSError"], None),
    ],
    ids=[
        "off by default", "first wait", "no longer than max_interval", "attempts used up", "name without module",
        "a base class", "name with module", "same name elsewhere", "another class", "unknown class", "named, used up",
    ],
)  # fmt: skip
def test_retry_delay(policy: RetryPolicy, attempts: int, classes: list[str], delay: float | None) -> None:
    state = RunProgress(graph_attempts=attempts)
    assert run_state.retry_delay(state, policy, failure(*classes)) == delay


def test_retry_delay_of_the_thousandth_retry() -> None:
    state, policy = RunProgress(graph_attempts=1026), RetryPolicy(max_attempts=5000, max_interval=2)
    assert run_state.retry_delay(state, policy, failure("ValueError")) == 2


# The end.

_ERROR = RunError(type="ValueError", message="no")


@pytest.mark.parametrize(
    ("state", "done", "error", "status"),
    [
        ({}, False, None, None),
        ({"next": ["tools"], "steps": 3}, False, None, None),
        ({}, True, None, RunStatus.SUCCESS),
        ({}, False, _ERROR, RunStatus.ERROR),
        ({"interrupt": True}, False, None, RunStatus.INTERRUPTED),
        ({"interrupt": True}, True, None, RunStatus.SUCCESS),
        ({"interrupt": True}, False, _ERROR, RunStatus.ERROR),
        ({"timeout": "late"}, False, None, RunStatus.TIMEOUT),
        ({"timeout": "late"}, True, None, RunStatus.TIMEOUT),
        ({"timeout": "late", "interrupt": True}, False, _ERROR, RunStatus.TIMEOUT),
        ({"cancel": INTERRUPT}, False, None, RunStatus.INTERRUPTED),
        ({"cancel": INTERRUPT}, True, None, RunStatus.INTERRUPTED),
        ({"cancel": INTERRUPT, "timeout": "late"}, True, _ERROR, RunStatus.INTERRUPTED),
        ({"cancel": ROLLBACK}, False, None, RunStatus.ROLLED_BACK),
        ({"cancel": ROLLBACK, "timeout": "late", "interrupt": True}, True, _ERROR, RunStatus.ROLLED_BACK),
    ],
)
def test_what_a_run_ends_as(
    state: dict[str, Any], done: bool, error: RunError | None, status: RunStatus | None
) -> None:
    assert run_state.ending(RunProgress(**state), done=done, error=error) is status


@pytest.mark.parametrize(
    ("state", "stops"),
    [({}, False), ({"interrupt": True}, False), ({"cancel": INTERRUPT}, True), ({"timeout": "late"}, True)],
)
def test_what_stops_at_once(state: dict[str, Any], stops: bool) -> None:
    assert run_state.must_stop(RunProgress(**state)) is stops
