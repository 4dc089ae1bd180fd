"""How a run's workflow closes, once the run's end is written: as Temporal's users look for it."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import CancelledError, FailureError

from ..contracts.types import RunStatus
from ..contracts.wire import RunOutcome
from ..contracts.wire_ending import failure_of

_AS_IT_ENDED = "runs-close-as-they-ended"
"""Names what histories of before do not have: there, every run's workflow closed as Completed."""


def closed(outcome: RunOutcome) -> RunOutcome:
    """The result of the workflow. Raises instead where it is to be shown as Failed or Canceled."""
    failure = _failure(outcome)
    if failure is not None and workflow.patched(_AS_IT_ENDED):
        raise failure
    return outcome


def _failure(outcome: RunOutcome) -> FailureError | None:
    if outcome.status in (RunStatus.ERROR, RunStatus.TIMEOUT):
        return failure_of(outcome)
    # Temporal takes a workflow for Canceled only if it was asked to cancel it.
    if outcome.cancelled and workflow.cancellation_reason() is not None:
        return CancelledError(f"the run ended as {outcome.status}")
    return None
