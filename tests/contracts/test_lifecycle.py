"""What is told of runs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from perdure import CancelAction, RunLifecycleEvent, RunRecord, RunStatus
from perdure.contracts.lifecycle import ENDINGS, LIFECYCLE_TYPES, ending_of

COMPLETED, FAILED, CANCELLED = ENDINGS


@pytest.mark.parametrize(
    ("status", "action", "told"),
    [
        (RunStatus.SUCCESS, None, COMPLETED),
        (RunStatus.INTERRUPTED, None, COMPLETED),  # on_interrupt="finish"
        (RunStatus.INTERRUPTED, CancelAction.INTERRUPT, CANCELLED),
        (RunStatus.ROLLED_BACK, CancelAction.ROLLBACK, CANCELLED),
        (RunStatus.ROLLED_BACK, None, CANCELLED),
        (RunStatus.TIMEOUT, None, FAILED),
        (RunStatus.ERROR, None, FAILED),
        (RunStatus.ERROR, CancelAction.ROLLBACK, FAILED),  # a rollback that was not possible
    ],
)
def test_what_is_told_of_an_end(status: RunStatus, action: CancelAction | None, told: str) -> None:
    now = datetime.now(UTC)
    record = RunRecord(
        run_id="r", thread_id="t", assistant_id="a", created_at=now, updated_at=now, status=status, cancel_action=action
    )
    assert ending_of(record) == told


def test_the_endings_are_lifecycle_types() -> None:
    assert {*ENDINGS} < {*LIFECYCLE_TYPES}


def test_an_event_does_not_change() -> None:
    event = RunLifecycleEvent(
        event_id="r:1", event_type="run_started", run_id="r", thread_id="t", sequence=1, occurred_at=datetime.now(UTC)
    )
    with pytest.raises(ValidationError, match="frozen"):
        event.sequence = 2  # type: ignore[misc]
