"""What crosses Temporal when a run stops and ends: its stop, its failure, its rollback, its record."""

from __future__ import annotations

from pydantic import Field, ValidationError
from temporalio.exceptions import ApplicationError, CancelledError

from .types import CancelAction, RunError, RunStatus, Stop
from .wire import RunOutcome, RunWork, Wire

_SHOWN = 5
"""Nodes in the message of a failure."""


class FinishInput(RunWork):
    """One `finish_run` activity."""

    status: RunStatus
    steps: int = 0
    """Supersteps of the run; a larger number in the record stays."""
    cancel_action: CancelAction | None = None
    error: RunError | None = None


class RestoreInput(RunWork):
    """One `restore_thread` activity: the thread becomes what it was before the run."""


class RestoreResult(Wire):
    """Whether the thread was put back."""

    restored: bool
    reason: str | None = None
    """Why it was left as it is."""


class StopInput(Wire):
    """One `request_stop` activity."""

    run_id: str
    stop: Stop
    installation: str | None = None
    """As in `RunInput`."""


class GraphFailure(Wire):
    """The details of the error with which `run_supersteps` reports that the graph raised."""

    error: RunError
    classes: list[str] = Field(default_factory=list[str])
    """The exception's class and its bases, for `RetryPolicy.retry_on`."""
    attempt: int = 1
    final: bool = False
    """The run is not tried again, unless its policy names the class: what was raised is no `Exception`, or the run
    kills its workers."""


def failure_of(outcome: RunOutcome) -> ApplicationError:
    """With what the workflow of a run that failed closes, once its end is written. The details are the outcome."""
    what = f"{outcome.error_type}: {outcome.error}" if outcome.error_type else str(outcome.error)
    nodes = ", ".join(outcome.next[:_SHOWN]) + (" …" if len(outcome.next) > _SHOWN else "")
    place = f"after {outcome.steps} supersteps" + (f", at {nodes}" if nodes else "")
    return ApplicationError(f"{what} ({place})", outcome, type=outcome.error_type or "Error", non_retryable=True)


def outcome_in(failure: BaseException | None) -> RunOutcome | None:
    """The end that a `failure_of` tells of; `None` for any other failure, which was no decision of the run's."""
    if not isinstance(failure, ApplicationError) or not failure.details:
        return None
    try:
        return RunOutcome.model_validate(failure.details[0])
    except ValidationError:
        return None


def ended_by_itself(failure: BaseException | None) -> bool:
    """Whether a run's workflow that closed as Failed or Canceled did so after it had written the run's end."""
    return isinstance(failure, CancelledError) or outcome_in(failure) is not None
