"""Limits that protect an installation from one of its users, or from a mistake."""

from __future__ import annotations

from pydantic import Field

from .settings_section import Section


class LimitSettings(Section):
    """What is beyond one is refused, with an error that names it. Null is no limit."""

    queued_runs_per_thread: int | None = Field(default=None, ge=0)
    """Runs that wait in the line of a thread, behind the one that executes."""
    runs_per_user: int | None = Field(default=None, ge=1)
    """Runs of one user that have not ended. Runs of nobody are not counted."""
    input_size: int | None = Field(default=None, ge=1)
    """Bytes of the free values of a run (input, command, context, config), as the store keeps them."""
    state_size: int | None = Field(default=None, ge=1)
    """Bytes of a graph's state, as one checkpoint holds it. A run that goes beyond ends as `error`."""
    stream_events: int | None = Field(default=None, ge=1)
    """Events of one run's stream. A run whose graph would tell more ends as `error`."""
    stream_size: int | None = Field(default=None, ge=1)
    """Bytes of the data of all events of one run's stream, as they are kept. The same."""
