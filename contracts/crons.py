"""Crons: runs that are submitted again and again, at the times of a cron expression."""

from __future__ import annotations

from datetime import datetime
from datetime import timezone as fixed
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator, model_validator

from .cron_fields import read_cron
from .errors import nearest
from .types import Frozen, Identifier, RunSpec, Seconds

CRON_ID_MAX_LENGTH = 100
"""Characters: the ids of its runs are longer by their times."""
CronId = Annotated[Identifier, Field(max_length=CRON_ID_MAX_LENGTH)]
_DAY = 86400.0


class CronSpec(Frozen):
    """What is run, and when. Only `schedule` and `run` are required."""

    schedule: str
    """Five fields (minute, hour, day of month, month, day of week), or `@hourly`, `@daily` and the like."""
    run: RunSpec
    """Each firing submits it, with a `run_id` of its own. A stateless scope: on a new thread each."""
    cron_id: CronId | None = None
    """The idempotency key: creating the same cron again is the same cron. Made when absent."""
    timezone: str = "UTC"
    """An IANA name, in whose time the schedule is read. A time that a day does not have is left out on it."""
    jitter: Annotated[Seconds, Field(le=_DAY)] = 0.0
    """Each firing comes later by a part of so many seconds. The id of its run has the time without it."""
    starts_at: datetime | None = None
    """No firing comes before. Without an offset it is a time of `timezone`, like `ends_at`."""
    ends_at: datetime | None = None
    """No firing comes after."""
    catch_up: Annotated[float, Field(ge=10, le=365 * _DAY)] = 600.0
    """Seconds by which a firing may be late because Temporal was away; one that would be later is left out."""
    paused: bool = False
    """It fires only by hand until it is resumed."""
    metadata: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Of the cron itself; that of its runs is in `run`."""

    @field_validator("schedule")
    @classmethod
    def _is_cron(cls, value: str) -> str:
        read_cron(value)
        return " ".join(value.split())

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        known = available_timezones()  # none on a machine without them: then Temporal says it, which has its own
        if known and value not in known:
            raise ValueError(f"{value!r} is no time zone{nearest(value, known)}; use an IANA name like Europe/Berlin")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> CronSpec:
        if self.run.run_id is not None:
            raise ValueError("run.run_id: each firing has an id of its own; leave it out")
        for name in ("starts_at", "ends_at"):
            if (moment := getattr(self, name)) is not None:
                object.__setattr__(self, name, in_zone(moment, self.timezone))
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            raise ValueError("ends_at is not after starts_at, so it would never fire")
        return self


class CronRecord(Frozen):
    """What is known of a cron. Times are UTC."""

    cron_id: str
    schedule: str
    timezone: str = "UTC"
    assistant_id: str
    thread_id: str | None = None
    """`None`: each firing has a thread of its own."""
    user_id: str | None = None
    """For whom it was created, and its runs are."""
    jitter: float = 0.0
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    catch_up: float = 600.0
    paused: bool = False
    metadata: dict[str, Any] = Field(default_factory=dict[str, Any])
    created_at: datetime
    updated_at: datetime | None = None
    """When it was changed last; `None`: never."""
    next: tuple[datetime, ...] = ()
    """When it fires next, jitter included, a few of these times; empty once it has come to its end."""
    recent: tuple[str, ...] = ()
    """The ids of the runs that it has submitted lately, the newest first."""


def in_zone(moment: datetime, timezone: str) -> datetime:
    """A moment; one without an offset is a time of the zone."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(timezone))
    # With its zone, a moment that a clock shows twice is equal to no other, not to itself as it was stored (PEP 495).
    return moment.replace(tzinfo=fixed(offset)) if (offset := moment.utcoffset()) is not None else moment


def fired_run_id(cron_id: str, nominal: str) -> str:
    """The id of the run of one firing; `nominal`: when it was due, in UTC, as `2026-01-31T09:00:00Z`."""
    return f"{cron_id}@{nominal}"
