"""The fence of an activity: a number that is larger for every later attempt of the same run."""

from __future__ import annotations

_ATTEMPT_BITS = 20  # a million retries of one activity: months, at their longest interval


def attempt_fence(base: int, attempt: int) -> int:
    """The fence of attempt 1, 2, … of the activity whose workflow gave it `base`.

    The workflow counts `base` up from the milliseconds of its own clock, so it also rises after a reset, which
    takes the workflow's state back.
    """
    return (base << _ATTEMPT_BITS) | min(attempt, (1 << _ATTEMPT_BITS) - 1)
