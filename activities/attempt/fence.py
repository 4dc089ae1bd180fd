"""The fence of an activity: a number that is larger for every later attempt of the same run."""

from __future__ import annotations

from temporalio import activity

from ...contracts.wire_serving import SHORT

_ATTEMPT_BITS = 20  # a million retries of one activity: days, at their longest interval
_SHORT_ATTEMPTS = 1 << (_ATTEMPT_BITS - 1)
"""One that found no slot begins again on the queue of short ones, as attempt 1: that comes after all before."""


def attempt_fence(base: int, attempt: int) -> int:
    """The fence of attempt 1, 2, … of the activity whose workflow gave it `base`.

    The workflow counts `base` up from the milliseconds of its own clock, so it also rises after a reset, which
    takes the workflow's state back.
    """
    return (base << _ATTEMPT_BITS) | min(attempt, (1 << _ATTEMPT_BITS) - 1)


def own_attempt(info: activity.Info) -> int:
    """The number of this attempt. Those on the task queue for short activities follow all that there were before."""
    return info.attempt + (_SHORT_ATTEMPTS if info.task_queue.endswith(SHORT) else 0)


def own_fence(base: int) -> int:
    """The fence of the attempt that calls this."""
    return attempt_fence(base, own_attempt(activity.info()))
