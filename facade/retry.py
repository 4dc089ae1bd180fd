"""Waiting for what is about to be true."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..contracts.errors import PerdureError, ThreadBusyError, UnavailableError
from ..contracts.limit_errors import ThreadFullError
from ..contracts.retry import Retry, is_a, retried
from ..contracts.settings import TemporalSettings
from ..store.contract import Store

T = TypeVar("T")

PAUSE = 0.02  # seconds: Temporal and the store agree again within a few of them


class NotReadyError(UnavailableError):
    """A workflow takes no update just now: its last task has failed, and is about to be tried again."""


class NotYetError(Exception):
    """A call came too early by a moment."""

    def __init__(self, meaning: PerdureError) -> None:
        super().__init__(str(meaning))
        self.meaning = meaning
        """What its caller is told when the moment does not pass."""


async def patiently(settings: TemporalSettings, call: Callable[[], Awaitable[T]]) -> T:
    """What a call answers when it is not too early any more, and its workflow ready for it.

    Raises its meaning after `submit_timeout`.
    """
    until = time.monotonic() + settings.submit_timeout
    try:
        return await retried(call, Retry(when=is_a(NotYetError, NotReadyError), until=until, pause=PAUSE))
    except NotYetError as exc:
        raise exc.meaning from None


async def when_free(settings: TemporalSettings, store: Store, call: Callable[[], Awaitable[T]]) -> T:
    """What a call to a thread answers. A run whose end has been seen, only not yet by its thread, is waited for.

    Raises `ThreadBusyError`, `ThreadFullError`, and what the call raises.
    """

    async def once() -> T:
        try:
            return await call()
        except ThreadBusyError as exc:
            holder = await store.get(exc.run_id)
            if holder is None or not holder.record.status.terminal:
                raise
            raise NotYetError(exc) from exc
        except ThreadFullError as exc:
            if len((await store.line(exc.thread_id)).in_flight) > exc.limit:
                raise
            raise NotYetError(exc) from exc

    return await patiently(settings, once)
