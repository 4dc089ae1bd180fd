"""What crosses Temporal when a cron fires. What is run is in the store."""

from __future__ import annotations

from datetime import UTC, datetime

from .wire import Wire


def cron_schedule_id(cron_id: str, installation: str) -> str:
    """The id of a cron's schedule. Temporal adds the time of a firing, for the id of its workflow."""
    return f"cron-{cron_id}-{installation[:8]}"


def nominal_time(due: datetime) -> str:
    """When a firing was due, as `2026-01-31T09:00:00Z`."""
    return due.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class FireInput(Wire):
    """The input of a cron's `FireWorkflow`, as its schedule holds it."""

    installation: str | None = None
    """As in `RunInput`."""
    cron_id: str


class FiringInput(FireInput):
    """One `fire_cron` activity."""

    nominal: str
    """As `nominal_time` gives it: a firing that is repeated is the same run."""


class FireResult(Wire):
    """What became of a firing."""

    run_id: str | None = None
    """The run that was submitted, now or before; `None`: there is none."""
    reason: str | None = None
    """Why there is none."""
