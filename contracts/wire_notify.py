"""What crosses Temporal to the workflow that tells observers."""

from __future__ import annotations

from pydantic import Field

from .wire import Wire


class NotifyInput(Wire):
    """The input of a notify workflow, and of its `deliver_events` activities. The events are in the store."""

    installation: str | None = None
    """As in `RunInput`."""
    run_id: str
    required: list[str] = Field(default_factory=list[str])
    """The names of observers without which a worker must not take the events for delivered."""
