"""What crosses Temporal when a cron fires. What is run is in the store."""

from __future__ import annotations

from .wire import Wire


def cron_schedule_id(cron_id: str, installation: str) -> str:
    """The id of a cron's schedule. Temporal adds the time of a firing, for the id of its workflow."""
    return f"cron-{cron_id}-{installation[:8]}"


class FireInput(Wire):
    """The input of a cron's `FireWorkflow`, as its schedule holds it."""

    installation: str | None = None
    """As in `RunInput`."""
    cron_id: str


class FiringInput(FireInput):
    """One `fire_cron` activity."""

    nominal: str
    """When the firing was due, as `2026-01-31T09:00:00Z`: a firing that is repeated is the same run."""


class FireResult(Wire):
    """What became of a firing."""

    run_id: str | None = None
    """The run that was submitted, now or before; `None`: there is none."""
    reason: str | None = None
    """Why there is none."""
