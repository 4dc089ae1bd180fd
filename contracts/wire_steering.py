"""What is asked of a run's workflow while it goes, and what it answers."""

from __future__ import annotations

from pydantic import Field

from .types import CancelAction, RunStatus
from .wire import Wire

SIGNAL_LET_GO = "let_go"
SIGNAL_TROUBLE = "tell_trouble"
ERROR_NOT_HELD = "GraphNotHeld"


class StopRequest(Wire):
    """A cancel whose caller wants to know whether it came in time."""

    action: CancelAction = CancelAction.INTERRUPT


class StopAnswer(Wire):
    """The answer to a `StopRequest`."""

    accepted: bool
    """The run ends as cancelled, by this request or an earlier one. False: its end had been decided."""


class RunStatusView(Wire):
    """The answer of the `status` query of a run's workflow."""

    run_id: str
    thread_id: str
    status: RunStatus
    steps: int = 0
    next: list[str] = Field(default_factory=list[str])
    questions: dict[str, str] = Field(default_factory=dict[str, str])
    """Id to beginning of each open question."""
    more: int = 0
    """Nodes beyond those in `next`."""
    asked: int = 0
    """How many questions are open when they are too many to be listed here; the run's record has them all."""
    refused: str | None = None
    """Why the last answer could not be delivered."""
