"""The one place where errors of Temporal's client become ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from temporalio.client import (
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from ..contracts.advice import SUBMIT_AGAIN
from ..contracts.errors import (
    CronNotFoundError,
    InvalidRunError,
    NoWorkerError,
    OtherInstallationError,
    RunNotFoundError,
    RunStateError,
    TemporalUnreachableError,
    ThreadBusyError,
    ThreadNotFoundError,
    UnavailableError,
)
from ..contracts.limit_errors import ThreadFullError
from ..contracts.settings import TemporalSettings
from ..contracts.wire import (
    ERROR_NOT_AWAITING,
    ERROR_NOT_CHECKED,
    ERROR_OTHER_INSTALLATION,
    ERROR_STATE_REFUSED,
    ERROR_THREAD_BUSY,
    ERROR_THREAD_GONE,
)
from ..contracts.wire_thread import ERROR_LINE_FULL
from .retry import NotReadyError


class AlreadySubmittedError(Exception):
    """A workflow of this run's id exists: the run was submitted before."""


class NotCheckedError(Exception):
    """A workflow cannot tell whether an answer fits: its questions are in the store."""


@contextmanager
def translated(
    settings: TemporalSettings, *, run_id: str, thread_id: str = "", then: str = SUBMIT_AGAIN
) -> Generator[None]:
    """Errors of a call to Temporal about one run, in our words. `then`: what to do when nobody answers."""
    try:
        yield
    except WorkflowUpdateFailedError as exc:
        raise _refusal(exc, run_id, thread_id) from exc
    except WorkflowUpdateRPCTimeoutOrCancelledError as exc:
        if (task := asyncio.current_task()) and task.cancelling():
            raise asyncio.CancelledError from exc  # the caller's own wish, which the SDK dresses as an error
        raise NoWorkerError(settings.task_queue, settings.submit_timeout, then) from exc
    except WorkflowAlreadyStartedError as exc:
        raise AlreadySubmittedError(run_id) from exc
    except RPCError as exc:
        raise _rpc_error(exc, settings, run_id, then) from exc


@asynccontextmanager
async def answered(
    settings: TemporalSettings, limit: float, *, run_id: str, thread_id: str = "", then: str = SUBMIT_AGAIN
) -> AsyncGenerator[None]:
    """`translated`, for an update: `NoWorkerError` after `limit` seconds.

    The SDK's `rpc_timeout` does not see to that: it bounds each poll, and the SDK polls until there is an answer. A
    server that ends a poll before (after 20 s, by default) would have the caller wait for as long as no worker comes.
    """
    with translated(settings, run_id=run_id, thread_id=thread_id, then=then):
        try:
            async with asyncio.timeout(limit):
                yield
        except TimeoutError as exc:
            raise NoWorkerError(settings.task_queue, limit, then) from exc


@contextmanager
def cron_call(settings: TemporalSettings, cron_id: str) -> Generator[None]:
    """Errors of a call to Temporal about a cron's schedule, in our words."""
    try:
        yield
    except RPCError as exc:
        match exc.status:
            case RPCStatusCode.NOT_FOUND:
                raise CronNotFoundError(cron_id) from exc
            case RPCStatusCode.INVALID_ARGUMENT:
                raise InvalidRunError(f"Temporal refuses cron {cron_id!r}: {exc.message}", field="schedule") from exc
            case RPCStatusCode.UNAVAILABLE:
                raise TemporalUnreachableError(settings.address or "its address", exc.message) from exc
            case _:
                raise UnavailableError(f"Temporal could not take the call for cron {cron_id!r}: {exc.message}") from exc


def _refusal(error: WorkflowUpdateFailedError, run_id: str, thread_id: str) -> Exception:
    cause = error.cause
    if isinstance(cause, ApplicationError):
        if cause.type == ERROR_THREAD_BUSY:
            return ThreadBusyError(thread_id, str(cause.details[0]) if cause.details else "")
        if cause.type == ERROR_LINE_FULL:
            limit = int(cause.details[0]) if cause.details else 0
            return ThreadFullError(thread_id, limit, str(cause.message))
        if cause.type == ERROR_THREAD_GONE:
            return ThreadNotFoundError(thread_id)
        if cause.type == ERROR_OTHER_INSTALLATION:
            return OtherInstallationError(thread_id)
        if cause.type == ERROR_STATE_REFUSED:
            return InvalidRunError(str(cause.message), field="values")
        if cause.type == ERROR_NOT_CHECKED:
            return NotCheckedError(run_id)
        if cause.type == ERROR_NOT_AWAITING:
            return RunStateError(run_id, str(cause.message))
    return UnavailableError(f"Temporal could not take the call for run {run_id!r}: {cause}")


def _rpc_error(error: RPCError, settings: TemporalSettings, run_id: str, then: str) -> Exception:
    match error.status:
        case RPCStatusCode.NOT_FOUND:
            return RunNotFoundError(run_id)
        case RPCStatusCode.DEADLINE_EXCEEDED | RPCStatusCode.CANCELLED:
            return NoWorkerError(settings.task_queue, settings.submit_timeout, then)
        case RPCStatusCode.FAILED_PRECONDITION:
            return NotReadyError(f"Temporal cannot take the call for run {run_id!r} now: {error.message}; try again")
        case RPCStatusCode.UNAVAILABLE:
            return TemporalUnreachableError(settings.address or "its address", error.message)
        case RPCStatusCode.INVALID_ARGUMENT:
            return InvalidRunError(f"Temporal refuses run {run_id!r}: {error.message}")
        case _:
            return UnavailableError(f"Temporal could not take the call for run {run_id!r}: {error.message}")
