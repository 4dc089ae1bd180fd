"""What an event id is."""

from __future__ import annotations

import pytest

from perdure.bridge import parse_event_id
from perdure.contracts.errors import InvalidEventIdError


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, 0), (0, 0), ("0", 0), (7, 7), ("007", 7), (10**18 - 1, 10**18 - 1), (str(10**18 - 1), 10**18 - 1)],
)
def test_a_number_below_10_to_the_18th_is_an_id(value: str | int | None, expected: int) -> None:
    assert parse_event_id(value) == expected


@pytest.mark.parametrize("value", [-1, "-1", 10**18, str(10**18), True, "", "x", "1.0", "+1", " 1", "1_0", "١", "²"])
def test_anything_else_is_none(value: str | int) -> None:
    with pytest.raises(InvalidEventIdError):
        parse_event_id(value)
