"""How SIGINT and SIGTERM stop a service: the first in good order, a second at once."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType

from ..runtime.dev_server import DevServer
from .output import Output

_SAME = 0.3
"""Seconds within which a second signal is the same one: a terminal sends Ctrl-C to all its processes, and a runner
above us (make, uv) may pass it on once more."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """What the signals do now. At first they cancel the task that made it."""

    def __init__(self, output: Output, server: DevServer | None) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._loop = asyncio.get_running_loop()
        self._stop: Callable[[], object] = self._cancel
        self._output = output
        self._server = server
        self._first: float | None = None
        self.cancelled = False

    def then(self, stop: Callable[[], object]) -> None:
        """From now on `stop` is called instead."""
        self._stop = stop

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        """Plain Python, not a callback of the event loop, because a graph may be blocking that one."""
        if self._first is None:
            self._first = time.monotonic()
            self._loop.call_soon_threadsafe(self._begin)
        elif time.monotonic() - self._first > _SAME:
            self._end_at_once(number)

    def _begin(self) -> None:
        self._output.note("stopping in good order; Ctrl-C again stops at once")
        self._stop()

    def _cancel(self) -> None:
        self.cancelled = True
        self._task.cancel()

    def _end_at_once(self, number: int) -> None:
        # Nothing is lost: what a killed worker had not finished, another one takes up.
        if self._server is not None and (pid := self._server.pid) is not None:
            os.kill(pid, signal.SIGKILL)
        os._exit(128 + number)


class _LeftBehind(ThreadPoolExecutor):
    """Threads that the end of the event loop does not wait for.

    A synchronous tool that hangs would hold a stopped worker up for minutes; its step is repeated elsewhere anyway.
    """

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=False, cancel_futures=cancel_futures)


@contextmanager
def stopped_by_signals(output: Output, server: DevServer | None = None) -> Generator[Stopping]:
    """Inside, signals stop the service. A block that they cut off before anything was served ends without an error."""
    stopping = Stopping(output, server)
    asyncio.get_running_loop().set_default_executor(_LeftBehind())
    before = {number: signal.signal(number, stopping.on_signal) for number in _SIGNALS}
    try:
        yield stopping
    except asyncio.CancelledError:
        if not stopping.cancelled:
            raise
        stopping_task = asyncio.current_task()
        assert stopping_task is not None
        stopping_task.uncancel()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
