"""Cron expressions: five fields as `man 5 crontab` has them, and names for the usual ones.

They are read here, and not by Temporal, for the days: where day of month and day of week are both restricted, a cron
fires on the days that fit either of them, and Temporal's own reading wants both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_LONGEST_MONTHS = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    first: int
    last: int
    names: Mapping[str, int]


_FIELDS = (
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day of month", 1, 31, {}),
    _Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Field("day of week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)


@dataclass(frozen=True, slots=True)
class CronCalendar:
    """Times that fit all of these, each ascending. `days_of_week`: 0 is Sunday."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days_of_month: tuple[int, ...]
    months: tuple[int, ...]
    days_of_week: tuple[int, ...]


def read_cron(text: str) -> tuple[CronCalendar, ...]:
    """The calendars of an expression, which fires at the times that fit any of them. Raises `ValueError`.

    A day field that begins with `*` restricts nothing for the rule of the two days (`*/2` included), as in crontab.
    """
    words = _NAMED.get(text.strip().lower(), text).split()
    if len(words) != len(_FIELDS):
        raise ValueError(
            f"{text!r} has {len(words)} fields; it needs five (minute, hour, day of month, month, day of week), or is "
            f"one of {', '.join(_NAMED)}"
        )
    minutes, hours, days, months, weekdays = map(_values, words, _FIELDS)
    weekdays = tuple(sorted({day % 7 for day in weekdays}))
    both = CronCalendar(minutes, hours, days, months, weekdays)
    if words[2].startswith("*") or words[4].startswith("*"):
        _check_there(text, both)
        return (both,)
    by_date = CronCalendar(minutes, hours, days, months, tuple(range(7)))
    by_weekday = CronCalendar(minutes, hours, tuple(range(1, 32)), months, weekdays)
    return by_date, by_weekday


def ranges(values: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending numbers as ranges, both ends included."""
    found: list[tuple[int, int]] = []
    for value in values:
        if found and found[-1][1] == value - 1:
            found[-1] = (found[-1][0], value)
        else:
            found.append((value, value))
    return found


def _values(word: str, field: _Field) -> tuple[int, ...]:
    return tuple(sorted({value for part in word.split(",") for value in _part(part, field)}))


def _part(part: str, field: _Field) -> range:
    whole, slash, step = part.partition("/")
    first, last = _span(whole, field, open_end=bool(slash))
    if slash and not (_is_number(step) and int(step) >= 1):
        raise ValueError(f"{field.name}: {part!r} needs a whole number from 1 on behind the slash")
    return range(first, last + 1, int(step) if slash else 1)


def _span(text: str, field: _Field, *, open_end: bool) -> tuple[int, int]:
    if text == "*":
        return field.first, 6 if field.last == 7 else field.last
    begin, dash, end = text.partition("-")
    first = _number(begin, field)
    last = _number(end, field) if dash else field.last if open_end else first
    if last == 0 and first > 0 and field.last == 7:  # fri-sun
        last = 7
    if first > last:
        raise ValueError(f"{field.name}: the range {text!r} ends before it begins")
    return first, last


def _number(text: str, field: _Field) -> int:
    value = int(text) if _is_number(text) else field.names.get(text.lower())
    if value is None or not field.first <= value <= field.last:
        named = f" or {'/'.join(field.names)}" if field.names else ""
        raise ValueError(f"{field.name}: {text!r} is not one of {field.first} to {field.last}{named}")
    return value


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4


def _check_there(text: str, calendar: CronCalendar) -> None:
    longest = max(_LONGEST_MONTHS.get(month, 31) for month in calendar.months)
    if calendar.days_of_month[0] > longest:
        raise ValueError(f"{text!r} never fires: none of its months has a day {calendar.days_of_month[0]}")
