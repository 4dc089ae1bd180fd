"""The time zone in which Temporal reads a cron: UTC, where that says the same of all but one night.

In the night in which the clocks go back, Temporal (server 1.32) fires a calendar of a zone far too seldom: one of every
15 minutes in Europe/Berlin, on 31 October 2027, at 00:00, 01:15 and 02:30 UTC. `findings/` shows it. What fires in each
hour of each day does the same in UTC, and there is no such night.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .cron_fields import CronCalendar

_HOUR = 60
_LOOKED_AT = tuple(datetime(year, month, 1, tzinfo=UTC) for year in range(2025, 2045) for month in range(1, 13))
"""Often and long enough to meet each offset of a zone."""


def in_utc(calendars: Sequence[CronCalendar], timezone: str) -> tuple[list[CronCalendar], str]:
    """The calendars and the zone that Temporal is to be given: in UTC, if they fire in every hour; else as they are."""
    shift = _minutes_of_offset(timezone) if all(map(_is_hourly, calendars)) else None
    if shift is None:
        return [*calendars], timezone
    return [replace(one, minutes=_shifted(one.minutes, shift)) for one in calendars], "UTC"


def _is_hourly(calendar: CronCalendar) -> bool:
    fields = (calendar.hours, calendar.days_of_month, calendar.months, calendar.days_of_week)
    return tuple(map(len, fields)) == (24, 31, 12, 7)


def _minutes_of_offset(timezone: str) -> int | None:
    """What its clocks differ from those of UTC within an hour; `None`: not always the same, as on Lord Howe Island."""
    try:
        zone = ZoneInfo(timezone)
    except ZoneInfoNotFoundError:  # a machine without zones: only Temporal has them
        return None
    offsets = {moment.astimezone(zone).utcoffset() or timedelta() for moment in _LOOKED_AT}
    minutes = {offset // timedelta(minutes=1) % _HOUR for offset in offsets}
    return minutes.pop() if len(minutes) == 1 else None


def _shifted(minutes: Sequence[int], shift: int) -> tuple[int, ...]:
    return tuple(sorted((minute - shift) % _HOUR for minute in minutes))
