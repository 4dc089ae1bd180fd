"""Cron expressions, as `man 5 crontab` has them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from perdure.contracts.cron_fields import CronCalendar, ranges, read_cron

MONTH = [date(2026, 2, 1) + timedelta(days=number) for number in range(28)]
"""February 2026 begins on a Sunday."""


def days(calendars: tuple[CronCalendar, ...]) -> list[int]:
    return [
        day.day
        for day in MONTH
        if any(
            day.day in one.days_of_month and day.month in one.months and day.isoweekday() % 7 in one.days_of_week
            for one in calendars
        )
    ]


@pytest.mark.parametrize(
    ("text", "minutes", "hours"),
    [
        ("30 2 * * *", (30,), (2,)),
        ("*/20 * * * *", (0, 20, 40), tuple(range(24))),
        ("5/25 0-3 * * *", (5, 30, 55), (0, 1, 2, 3)),
        ("1,10-12,10 8-18/5 * * *", (1, 10, 11, 12), (8, 13, 18)),
        ("@hourly", (0,), tuple(range(24))),
        (" @Daily ", (0,), (0,)),
    ],
)
def test_minutes_and_hours(text: str, minutes: tuple[int, ...], hours: tuple[int, ...]) -> None:
    (calendar,) = read_cron(text)
    assert (calendar.minutes, calendar.hours) == (minutes, hours)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0 0 * * *", list(range(1, 29))),
        ("0 0 13 * *", [13]),
        ("0 0 * * 5", [6, 13, 20, 27]),
        ("0 0 13 * fri", [6, 13, 20, 27]),  # the 13th is one
        ("0 0 1,15 * mon", [1, 2, 9, 15, 16, 23]),  # either of them
        ("0 0 */7 * mon", []),  # a field that begins with a star restricts nothing: both have to fit
        ("0 0 10-31 * */6", [14, 15, 21, 22, 28]),
        ("0 0 * * 7", [1, 8, 15, 22]),
        ("0 0 * * Fri-Sun", [1, 6, 7, 8, 13, 14, 15, 20, 21, 22, 27, 28]),
        ("0 0 * * 5-7", [1, 6, 7, 8, 13, 14, 15, 20, 21, 22, 27, 28]),
        ("0 0 28 feb *", [28]),
        ("0 0 28 mar-dec *", []),
        ("@weekly", [1, 8, 15, 22]),
        ("@monthly", [1]),
    ],
)
def test_days(text: str, found: list[int]) -> None:
    assert days(read_cron(text)) == found


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("61 * * * *", "minute: '61' is not one of 0 to 59"),
        ("* 24 * * *", "hour: '24'"),
        ("* * 0 * *", "day of month: '0'"),
        ("* * * 13 *", "month: '13'"),
        ("* * * foo *", "month: 'foo' is not one of 1 to 12 or jan/"),
        ("* * * * 8", "day of week: '8'"),
        ("* * * * 5-3", "day of week: the range '5-3' ends before it begins"),
        ("*/0 * * * *", "minute: '\\*/0' needs a whole number"),
        ("*/x * * * *", "minute"),
        ("1, * * * *", "minute: '' is not"),
        ("-1 * * * *", "minute"),
        ("² * * * *", "minute"),
        ("0 0 31 2,4 *", "never fires: none of its months has a day 31"),
        ("0 0 30 feb *", "never fires"),
        ("* * * *", "has 4 fields; it needs five"),
        ("0 0 0 * * *", "has 6 fields"),
        ("", "has 0 fields"),
        ("@reboot", "has 1 fields; it needs five .* or is one of @yearly"),
    ],
)
def test_what_is_no_cron(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read_cron(text)


def test_numbers_become_ranges() -> None:
    assert ranges((1, 2, 3, 7, 9, 10)) == [(1, 3), (7, 7), (9, 10)]
