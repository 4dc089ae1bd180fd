"""What a run decides: its state, what a signal changes in it, and how it ends. Plain code, without Temporal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import ValidationError

from ..contracts.answers import answers_by_id, json_size
from ..contracts.types import CancelAction, Frozen, RetryPolicy, RunError, RunStatus
from ..contracts.wire import Answer, DeliveredAnswer, Question, RunProgress, SliceResult
from ..contracts.wire_ending import GraphFailure

_MAX_EXPONENT = 60
"""Beyond it every back-off has long reached its longest interval, and a float its end."""


LARGEST_ANSWER = 1_500_000
"""Bytes of JSON. Temporal takes 2 MB, for an answer and once more for what goes with it to its activity."""
_QUOTED = 200
"""Characters of what makes no sense, in the text that says so: it may be as large as Temporal takes."""


class RefusedError(Exception):
    """What was asked of the run is not possible; nothing was changed."""


class UncheckedError(RefusedError):
    """Whether an answer fits cannot be told here; its caller has to look into the store, and say so."""


class CancelRequest(Frozen):
    """The payload of the `cancel` signal."""

    action: CancelAction = CancelAction.INTERRUPT


def read_cancel(arguments: Sequence[Any]) -> CancelAction:
    """The action of a `cancel` signal: `{"action": …}`; without a payload `interrupt`."""
    payload = _only(arguments)
    try:
        return CancelRequest.model_validate({} if payload is None else payload).action
    except ValidationError as exc:
        raise RefusedError(f'cancel takes {{"action": "interrupt"}} or "rollback", not {_quoted(payload)}') from exc


def read_resume(arguments: Sequence[Any]) -> Any:
    """The value of a `resume` signal: `{"value": …}`."""
    payload = _only(arguments)
    if not isinstance(payload, Mapping) or set(cast("Mapping[str, Any]", payload)) != {"value"}:
        raise RefusedError(f'resume takes {{"value": …}}, not {_quoted(payload)}')
    return cast("Mapping[str, Any]", payload)["value"]


def _only(arguments: Sequence[Any]) -> Any:
    if len(arguments) > 1:
        raise RefusedError(f"one JSON value is expected, not {len(arguments)}")
    return arguments[0] if arguments else None


def _quoted(payload: Any) -> str:
    text = repr(payload)
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"


def _text(arguments: Sequence[Any], wanted: str) -> str:
    payload = _only(arguments)
    if not isinstance(payload, str):
        raise RefusedError(f"{wanted}, not {_quoted(payload)}")
    return payload


def read_let_go(arguments: Sequence[Any]) -> str:
    """The task queue of a `let_go` signal."""
    return _text(arguments, "let_go takes the name of a worker's task queue")


def accept_let_go(state: RunProgress, holder: str) -> None:
    """A worker holds the run's graph no more. What it said of its last slice may come behind this."""
    state.gone = holder
    if state.holder == holder:
        state.holder = None


def read_trouble(arguments: Sequence[Any]) -> str:
    """The text of a `tell_trouble` signal."""
    return _text(arguments, "tell_trouble takes a text")


def accept_cancel(state: RunProgress, action: CancelAction) -> None:
    """The first action wins; a run that has ended keeps its end."""
    if state.status.terminal:
        raise RefusedError(f"the run has ended as {state.status}")
    state.cancel = state.cancel or action


def accept_answer(state: RunProgress, value: Any, *, ref: str | None = None, checked: bool = True) -> None:
    """Answer the open questions: one by its value, several by `{interrupt_id: value}`; some of them is enough.

    `ref` and `checked` are as in `Answer`. Raises `UncheckedError` for an answer that only its caller can check.
    """
    if state.status is not RunStatus.AWAITING_INPUT or state.answers or state.given:
        raise RefusedError(f"the run does not wait for an answer (it is {state.status})")
    if must_stop(state) or state.interrupt:
        raise RefusedError("the run does not wait for an answer (it is about to end)")
    if (size := json_size(value)) > LARGEST_ANSWER:
        raise RefusedError(
            f"the answer is {size:,} bytes of JSON, of which a workflow takes {LARGEST_ANSWER:,}: give it to `perdure "
            "resume` or `RunsFacade.resume`, which take 32,000,000, for they do not send it through Temporal"
        )
    if state.asked:
        if not checked:
            raise UncheckedError(
                f"{state.asked:,} questions are open, too many for a workflow to check an answer: say that you have "
                "(`checked`), or signal `resume`"
            )
        state.given = Answer(value=None if ref else value, ref=ref)
    elif state.questions:  # else a breakpoint: any answer lets the run pass
        state.answers = _delivered(state.questions, value)
        state.given = Answer(ref=ref) if ref else None
    state.answering, state.questions = state.questions, []
    state.refused = None
    state.status = RunStatus.RUNNING


def _delivered(questions: Sequence[Question], value: Any) -> list[DeliveredAnswer]:
    open_now = {question.id: question.answered for question in questions}
    try:
        values = answers_by_id(value, list(open_now))
    except ValueError as exc:
        raise RefusedError(str(exc)) from exc
    return [DeliveredAnswer(id=key, value=values[key], answered=open_now[key]) for key in values]


def accept_result(state: RunProgress, result: SliceResult) -> None:
    """What a slice reports becomes the run's state."""
    state.slices += 1
    if result.outcome == "elsewhere":  # a stop came before the holder was asked: nothing has changed there
        return
    state.takeovers += result.attempt - 1
    state.trouble = None
    if result.refused is not None:
        _ask_again(state, result.refused)
        return
    state.steps = result.steps
    state.next, state.more = list(result.next), result.more
    state.holder = result.holder if result.outcome == "more" and result.holder != state.gone else None
    state.resumed = bool(result.undelivered)
    if state.given is None:
        state.answers = [answer for answer in state.answers if answer.id in result.undelivered]
    if not result.undelivered:
        _forget_answers(state)
    if result.outcome == "asks":
        state.questions, state.asked = list(result.questions), result.asked
        state.breakpoint = result.breakpoint


def _ask_again(state: RunProgress, why: str) -> None:
    """Nothing of the answer was delivered: what was open is open, and takes another one."""
    state.refused = why
    state.questions, state.answers = state.answering, []
    state.spent += [state.given.ref] if state.given and state.given.ref else []
    state.given = None


def _forget_answers(state: RunProgress) -> None:
    """They are delivered, and what the store has of them may go."""
    refs = (state.given.ref if state.given else None, state.asked_ref)
    state.spent += [ref for ref in refs if ref]
    state.answers, state.answering = [], []
    state.given, state.asked, state.asked_ref = None, 0, None


def keep_questions_as(state: RunProgress, run_id: str) -> str | None:
    """The name under which the store is to keep the ids of the questions; `None` when they are here, or there."""
    if not state.asked or state.asked_ref:
        return None
    state.asked_ref = f"{run_id}/asked/{state.slices}"
    return state.asked_ref


def take_spent(state: RunProgress) -> list[str]:
    """What the store need not keep any more."""
    spent, state.spent = state.spent, []
    return spent


def accept_failure(state: RunProgress, failure: GraphFailure) -> None:
    """A graph that raised is the end of this attempt at it."""
    state.slices += 1
    state.holder = None
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
