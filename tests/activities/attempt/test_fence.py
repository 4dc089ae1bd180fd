"""Fences: larger with each attempt and each activity, and small enough for a database."""

from __future__ import annotations

import random

from perdure.activities.attempt.fence import attempt_fence


def test_a_later_attempt_has_a_larger_fence() -> None:
    numbers = random.Random(1)
    for _ in range(200):
        base, attempt = numbers.randint(0, 2**41), numbers.randint(1, 10**5)
        assert attempt_fence(base, attempt) < attempt_fence(base, attempt + 1) < attempt_fence(base + 1, 1)


def test_fences_fit_into_a_databases_integer_and_never_reach_the_next_activity() -> None:
    in_2100 = 4_102_444_800_000
    assert attempt_fence(in_2100, 2**40) < attempt_fence(in_2100 + 1, 1) < 2**62
