"""Waiting for what is about to be true."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from ..contracts.errors import NoWorkerError, ThreadBusyError
from ..contracts.settings import TemporalSettings
from ..store.contract import RunQueryStore

T = TypeVar("T")


async def patience(settings: TemporalSettings) -> AsyncIterator[None]:
    """Turns of a short wait, for `submit_timeout` at the most."""
    deadline = time.monotonic() + settings.submit_timeout
    while time.monotonic() < deadline:
        yield
        await asyncio.sleep(0.02)


async def when_free(settings: TemporalSettings, store: RunQueryStore, call: Callable[[], Awaitable[T]]) -> T:
    """What a call to a thread answers. A run whose end has been seen, only not yet by its thread, is waited for.

    Raises `ThreadBusyError`, and what the call raises.
    """
    busy: ThreadBusyError | None = None
    async for _ in patience(settings):
        try:
            return await call()
        except ThreadBusyError as exc:
            busy = exc
            holder = await store.get(exc.run_id)
            if holder is None or not holder.record.status.terminal:
                raise
    raise busy or NoWorkerError(settings.task_queue, 0)
