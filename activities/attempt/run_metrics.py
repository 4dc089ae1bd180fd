"""What is measured of runs: how long they waited, how they end, how often they are taken over."""

from __future__ import annotations

from datetime import UTC, datetime

from ...contracts.telemetry.metrics import instruments
from ...contracts.types import RunRecord


def measure_begin(record: RunRecord, number: int) -> None:
    """A run was begun (attempt 1), or taken over."""
    about = {"graph": record.assistant_id}
    if number == 1:
        instruments().queue_time.record(since(record), about)
    else:
        instruments().takeovers.add(1, about)


def measure_end(record: RunRecord) -> None:
    """A run has ended."""
    about = {"graph": record.assistant_id}
    instruments().runs.add(1, {**about, "status": record.status.value})
    if record.cancel_action is not None:
        instruments().cancels.add(1, {**about, "action": record.cancel_action.value})


def since(record: RunRecord) -> float:
    """Seconds since the run was created. Clocks of several machines may disagree."""
    return max(0.0, (datetime.now(UTC) - record.created_at).total_seconds())
