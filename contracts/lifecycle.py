"""What happens to a run as a whole, as observers and webhooks hear of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, get_args

from pydantic import Field

from .types import Frozen, RunRecord, RunStatus

LifecycleType = Literal[
    "run_started",
    "human_message",
    "run_completed",
    "run_failed",
    "run_cancelled",
    "run_awaiting_input",
    "run_resumed",
    "run_attempt_started",
    "thread_status_updated",
]
LIFECYCLE_TYPES: tuple[str, ...] = get_args(LifecycleType)
ENDINGS: tuple[LifecycleType, ...] = ("run_completed", "run_failed", "run_cancelled")
"""One of them is told of each run that ended. They go with the stream's last event: `end`, `error`, `cancel`."""
WEBHOOK = "webhook"
"""The name of a run's webhook among its observers."""


class RunLifecycleEvent(Frozen):
    """One event. It may be delivered more than once, always with the same `event_id`."""

    event_id: str
    """Unique over all runs, and the same at each delivery."""
    event_type: LifecycleType
    run_id: str
    thread_id: str
    sequence: int
    """The event's place in its run, from 1, without gaps: a run's events are delivered in this order."""
    occurred_at: datetime
    """UTC."""
    payload: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Strict JSON; what it holds depends on `event_type`."""


class Delivery(Frozen):
    """How far an observer (or, by the name `webhook`, the run's webhook) has been told of a run."""

    observer: str
    delivered: int
    """The sequence of the last event that is done with."""
    failure: str | None = None
    """Why the last of those that it was not told was given up."""


def ending_of(record: RunRecord) -> LifecycleType:
    """What is told of the end of a run: a timeout is a failure; `on_interrupt="finish"` completes at a question."""
    if record.status in (RunStatus.ERROR, RunStatus.TIMEOUT):
        return "run_failed"
    if record.status is RunStatus.ROLLED_BACK or record.cancel_action is not None:
        return "run_cancelled"
    return "run_completed"
