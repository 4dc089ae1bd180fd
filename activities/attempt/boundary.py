"""The boundary at which errors of activities become Temporal's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from temporalio import activity

from ...contracts.containment import contained
from ...contracts.errors import FencedError, InvalidRunError, PerdureError, RunNotFoundError, ThreadNotFoundError
from ...contracts.serialization.text import message_of
from ...contracts.telemetry.metrics import instruments
from ...contracts.wire import ERROR_RUN_GONE, ERROR_STATE_REFUSED, ERROR_THREAD_GONE, ERROR_WORKER_SHUTDOWN
from .failures import MachineFailure, SliceFailed

T = TypeVar("T")


async def translated(work: Awaitable[T]) -> T:
    """Errors are retried without end, unless the run itself is at fault.

    Without their causes: of an attempt that is retried, Temporal shows no more than 4 KiB, or nothing.
    """
    try:
        with contained():
            return await work
    except asyncio.CancelledError:
        raise _cancelled() from None
    except ThreadNotFoundError as exc:
        raise MachineFailure(message_of(exc), type=ERROR_THREAD_GONE, non_retryable=True) from None
    except InvalidRunError as exc:
        raise MachineFailure(message_of(exc), type=ERROR_STATE_REFUSED, non_retryable=True) from None
    except RunNotFoundError as exc:
        raise MachineFailure(message_of(exc), type=ERROR_RUN_GONE, non_retryable=True) from None
    except (SliceFailed, PerdureError) as exc:
        if isinstance(exc, FencedError) or isinstance(exc.__cause__, FencedError):
            instruments().fenced.add(1)
        raise MachineFailure(message_of(exc), type=type(exc).__name__) from None


def _cancelled() -> BaseException:
    """Why Temporal cancelled this activity: only a cancel request is one, the rest has to be tried again."""
    details = activity.cancellation_details()
    if details is not None and details.worker_shutdown:
        return MachineFailure(
            "the worker shut down before the superstep ended; it is repeated", type=ERROR_WORKER_SHUTDOWN
        )
    return asyncio.CancelledError()
