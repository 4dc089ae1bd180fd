"""Short activities: repeated until they are done, and not held up by the slices of other runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutType
from temporalio.exceptions import TimeoutError as ActivityTimeoutError

from ..contracts.wire import ERROR_NOT_SERVED, Wire
from ..contracts.wire_serving import NotServed, graph_task_queue, short_task_queue

T = TypeVar("T")

_SLOT = timedelta(seconds=1)
"""To get a slot, best one of the worker where this workflow is, which saves a way over the server."""
_TO_SERVER = timedelta(seconds=10)
"""For a worker that serves the graph to take what it is needed for. One that is there takes it at once."""
UNLIMITED = timedelta(days=3650)
"""Of one attempt of an activity that takes as long as it takes. (Temporal wants a number.)"""
HEARTBEAT = timedelta(seconds=10)
"""A worker that was silent for so long is lost, unless the run says it. Until then nobody takes its activities over."""


def machine_failures(*, but: Sequence[str] = ()) -> RetryPolicy:
    """Retries without a limit of attempts: of a lost worker, a missed heartbeat, a database that is away.

    A frozen worker may swallow several attempts, so the intervals stay short. `but`: types of errors that are final.
    """
    return RetryPolicy(
        initial_interval=timedelta(milliseconds=200),
        maximum_interval=timedelta(seconds=2),
        non_retryable_error_types=but or None,
    )


MACHINE_FAILURES = machine_failures()


async def short_activity(
    activity: str,
    arg: Wire,
    result_type: type[T],
    *,
    summary: str,
    heartbeat: timedelta = HEARTBEAT,
    limit: timedelta = timedelta(minutes=10),
    graph: str | None = None,
) -> T:
    """Raises `ActivityError` only for what a repetition cannot mend. `limit`: of one attempt.

    `graph`: the one that is needed. A worker that does not serve it sends the activity on to those that do; when none
    of them answers, whoever is there does it, as well as that is possible without.
    """

    async def execute(arg: Wire, task_queue: str | None, slot: timedelta | None) -> T:
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

    async def by_anybody(arg: Wire) -> T:
        try:
            return await execute(arg, None, _SLOT)
        except ActivityError as exc:
            if not _not_begun(exc):
                raise
        return await execute(arg, short_task_queue(workflow.info().task_queue), None)

    try:
        return await by_anybody(arg)
    except ActivityError as exc:
        if graph is None or sent_on(exc) is None:
            raise
    try:
        return await execute(arg, graph_task_queue(workflow.info().task_queue, graph), _TO_SERVER)
    except ActivityError as exc:
        if not _not_begun(exc):
            raise
    return await by_anybody(arg.model_copy(update={"anywhere": True}))


def sent_on(failure: ActivityError) -> NotServed | None:
    """What is known where a worker did nothing, because it does not serve the graph."""
    cause = failure.cause
    if not isinstance(cause, ApplicationError) or cause.type != ERROR_NOT_SERVED:
        return None
    return NotServed.model_validate(cause.details[0]) if cause.details else NotServed()


def _not_begun(failure: ActivityError) -> bool:
    cause = failure.cause
    return isinstance(cause, ActivityTimeoutError) and cause.type == TimeoutType.SCHEDULE_TO_START
