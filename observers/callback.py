"""A function as an observer. A plain one is called in a thread, so that it may block, and hang, and harm nothing."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from ..contracts.lifecycle import RunLifecycleEvent

logger = logging.getLogger(__name__)

THREADS = 16
"""Calls of one plain function at a time. Those that hang, which nobody can stop, use up no more than these."""

Callback = Callable[[RunLifecycleEvent], Any]
"""A plain function, or an async one. What it returns is not looked at."""


class CallbackObserver:
    """A function as an observer. A plain one is called in a thread, so it may block."""

    def __init__(self, function: Callback) -> None:
        """Raises `TypeError` for what cannot be called."""
        if not callable(function):
            raise TypeError(f"{function!r} cannot be called")
        self.function = function
        self._threads = asyncio.Semaphore(THREADS)

    async def on_event(self, event: RunLifecycleEvent) -> None:
        """Call the function."""
        is_async = inspect.iscoroutinefunction(self.function)
        result = self.function(event) if is_async else await self._in_thread(event)
        if inspect.isawaitable(result):
            await result

    async def _in_thread(self, event: RunLifecycleEvent) -> Any:
        await self._threads.acquire()
        answer = _Answer(self._threads.release)
        # Not the loop's pool, which graphs use; and a daemon, so that the end of the process does not wait for it.
        work = partial(contextvars.copy_context().run, answer.give, partial(self.function, event))
        try:
            threading.Thread(target=work, name="perdure-observer", daemon=True).start()
        except RuntimeError:  # the system has no thread left
            self._threads.release()
            raise
        return await answer.future


class _Answer:
    """What a function in a thread returns or raises, on its way to the event loop that waits for it, or did."""

    def __init__(self, released: Callable[[], None]) -> None:
        self._released = released
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self._loop.create_future()

    def give(self, function: Callable[[], Any]) -> None:
        result: Any = None
        error: Exception | None = None
        try:
            result = function()
        except StopIteration as exc:  # a future does not take it
            error = RuntimeError(f"it raised {exc!r}")
        except Exception as exc:  # noqa: BLE001 - it goes to the one who waits
            error = exc
        except BaseException as exc:  # noqa: BLE001 - what wants to end its thread or process would end the worker
            error = RuntimeError(f"it raised {exc!r}")
        try:
            self._loop.call_soon_threadsafe(self._settle, result, error)
        except RuntimeError:
            logger.debug("the event loop that has called %r is closed", function)

    def _settle(self, result: Any, error: Exception | None) -> None:
        self._released()
        if self.future.done():
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)
