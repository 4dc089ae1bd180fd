"""Short activities: repeated until they are done, and not held up by the slices of other runs."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, TimeoutType
from temporalio.exceptions import TimeoutError as ActivityTimeoutError

from ..contracts.wire import Wire, short_task_queue

T = TypeVar("T")

_SLOT = timedelta(seconds=1)
"""To get a slot, best one of the worker where this workflow is, which saves a way over the server."""
MACHINE_FAILURES = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    maximum_interval=timedelta(seconds=2),
)
"""Without a limit of attempts: a lost worker, a missed heartbeat, a database that is away. A frozen worker may swallow
several of them, so the intervals stay short."""


async def short_activity(
    activity: str,
    arg: Wire,
    result_type: type[T],
    *,
    summary: str,
    heartbeat: timedelta,
    limit: timedelta = timedelta(minutes=10),
) -> T:
    """Raises `ActivityError` only for what a repetition cannot mend. `limit`: of one attempt."""

    async def execute(task_queue: str | None, slot: timedelta | None) -> T:
        return await workflow.execute_activity(
            activity,
            arg,
            result_type=result_type,
            task_queue=task_queue,
            schedule_to_start_timeout=slot,
            start_to_close_timeout=limit,
            heartbeat_timeout=heartbeat,
            retry_policy=MACHINE_FAILURES,
            summary=summary,
        )

    try:
        return await execute(None, _SLOT)
    except ActivityError as exc:
        if not isinstance(exc.cause, ActivityTimeoutError) or exc.cause.type != TimeoutType.SCHEDULE_TO_START:
            raise
    return await execute(short_task_queue(workflow.info().task_queue), None)
