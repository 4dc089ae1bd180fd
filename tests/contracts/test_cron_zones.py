"""Which crons are given to Temporal in UTC."""

from __future__ import annotations

import pytest

from perdure.contracts.cron_fields import read_cron
from perdure.contracts.cron_zones import in_utc


@pytest.mark.parametrize(
    ("schedule", "timezone", "minutes"),
    [
        ("*/30 * * * *", "Europe/Berlin", (0, 30)),
        ("@hourly", "America/New_York", (0,)),
        ("0,20 * * * *", "Asia/Kolkata", (30, 50)),  # 5:30 ahead
        ("5 * * * *", "America/St_Johns", (35,)),  # 3:30 behind, 2:30 in summer
        ("10 * * * *", "Asia/Kathmandu", (25,)),  # 5:45 ahead
        ("10 * * * *", "UTC", (10,)),
        ("10 */1 * * sun-sat", "Europe/Berlin", (10,)),
    ],
)
def test_what_fires_every_hour_is_read_in_utc(schedule: str, timezone: str, minutes: tuple[int, ...]) -> None:
    calendars, zone = in_utc(read_cron(schedule), timezone)
    assert ([one.minutes for one in calendars], zone) == ([minutes], "UTC")


@pytest.mark.parametrize(
    ("schedule", "timezone"),
    [
        ("*/30 8-18 * * *", "Europe/Berlin"),
        ("0 */2 * * *", "Europe/Berlin"),
        ("0 * * * mon", "Europe/Berlin"),
        ("0 * 1 * *", "Europe/Berlin"),
        ("0 * * jan *", "Europe/Berlin"),
        ("0 * * * *", "Australia/Lord_Howe"),  # whose summer is half an hour
    ],
)
def test_the_others_are_read_in_their_zone(schedule: str, timezone: str) -> None:
    assert in_utc(read_cron(schedule), timezone) == ([*read_cron(schedule)], timezone)
