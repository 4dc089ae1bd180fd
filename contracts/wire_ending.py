"""What crosses Temporal when a run stops and ends: its stop, its rollback, its record."""

from __future__ import annotations

from .types import CancelAction, RunError, RunStatus, Stop
from .wire import RunWork, Wire


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
