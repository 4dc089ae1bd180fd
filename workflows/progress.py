"""What a run decides: its state, what a signal changes in it, and how it ends. Plain code, without Temporal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import ValidationError

from ..contracts.answers import answers_by_id
from ..contracts.types import CancelAction, Frozen, RetryPolicy, RunError, RunStatus
from ..contracts.wire import DeliveredAnswer, GraphFailure, RunProgress, SliceResult

_MAX_EXPONENT = 60
"""Beyond it every back-off has long reached its longest interval, and a float its end."""


class RefusedError(Exception):
    """What was asked of the run is not possible; nothing was changed."""


class CancelRequest(Frozen):
    """The payload of the `cancel` signal."""

    action: CancelAction = CancelAction.INTERRUPT


def read_cancel(arguments: Sequence[Any]) -> CancelAction:
    """The action of a `cancel` signal: `{"action": …}`; without a payload `interrupt`."""
    payload = _only(arguments)
    try:
        return CancelRequest.model_validate({} if payload is None else payload).action
    except ValidationError as exc:
        raise RefusedError(f'cancel takes {{"action": "interrupt"}} or "rollback", not {payload!r}') from exc


def read_resume(arguments: Sequence[Any]) -> Any:
    """The value of a `resume` signal: `{"value": …}`."""
    payload = _only(arguments)
    if not isinstance(payload, Mapping) or set(cast("Mapping[str, Any]", payload)) != {"value"}:
        raise RefusedError(f'resume takes {{"value": …}}, not {payload!r}')
    return cast("Mapping[str, Any]", payload)["value"]


def _only(arguments: Sequence[Any]) -> Any:
    if len(arguments) > 1:
        raise RefusedError(f"one JSON value is expected, not {len(arguments)}")
    return arguments[0] if arguments else None


def accept_cancel(state: RunProgress, action: CancelAction) -> None:
    """The first action wins; a run that has ended keeps its end."""
    if state.status.terminal:
        raise RefusedError(f"the run has ended as {state.status}")
    state.cancel = state.cancel or action


def accept_answer(state: RunProgress, value: Any) -> None:
    """Answer the open questions: one by its value, several by `{interrupt_id: value}`; some of them is enough."""
    if state.status is not RunStatus.AWAITING_INPUT or state.answers:
        raise RefusedError(f"the run does not wait for an answer (it is {state.status})")
    if must_stop(state) or state.interrupt:
        raise RefusedError("the run does not wait for an answer (it is about to end)")
    if not state.questions:  # a breakpoint: any answer lets the run pass
        state.status = RunStatus.RUNNING
        return
    open_now = {question.id: question.answered for question in state.questions}
    try:
        values = answers_by_id(value, list(open_now))
    except ValueError as exc:
        raise RefusedError(str(exc)) from exc
    state.answers = [DeliveredAnswer(id=key, value=values[key], answered=open_now[key]) for key in values]
    state.questions = []
    state.status = RunStatus.RUNNING


def accept_result(state: RunProgress, result: SliceResult) -> None:
    """What a slice reports becomes the run's state."""
    state.slices += 1
    state.steps = result.steps
    state.next = list(result.next)
    state.takeovers += result.attempt - 1
    state.stalled = 0 if result.progressed or result.outcome != "more" else state.stalled + 1
    state.answers = [answer for answer in state.answers if answer.id in result.undelivered]
    state.resumed = bool(result.undelivered)
    if result.outcome == "asks":
        state.questions = list(result.questions)
        state.breakpoint = result.breakpoint


def accept_failure(state: RunProgress, failure: GraphFailure) -> None:
    """A graph that raised is the end of this attempt at it."""
    state.slices += 1
    state.takeovers += failure.attempt


def retry_delay(state: RunProgress, policy: RetryPolicy, failure: GraphFailure) -> float | None:
    """Seconds until the graph is tried again, `None` when it is not."""
    if state.graph_attempts >= policy.max_attempts:
        return None
    names = {name for kind in failure.classes for name in (kind, kind.rpartition(".")[2])}
    if (policy.retry_on or failure.final) and names.isdisjoint(policy.retry_on):
        return None
    doublings = min(state.graph_attempts - 1, _MAX_EXPONENT)
    return min(policy.initial_interval * policy.backoff**doublings, policy.max_interval)


def must_stop(state: RunProgress) -> bool:
    """Nothing more may be executed."""
    return state.cancel is not None or state.timeout is not None


def ending(state: RunProgress, *, done: bool, error: RunError | None) -> RunStatus | None:
    """The status with which the run ends now, `None` while it goes on. An accepted cancel beats all else."""
    if state.cancel is not None:
        return RunStatus.ROLLED_BACK if state.cancel is CancelAction.ROLLBACK else RunStatus.INTERRUPTED
    if state.timeout is not None:
        return RunStatus.TIMEOUT
    if error is not None:
        return RunStatus.ERROR
    if done:
        return RunStatus.SUCCESS
    return RunStatus.INTERRUPTED if state.interrupt else None
