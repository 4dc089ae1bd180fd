"""Whether what is quick is done on the event loop. It takes a fifth of the time there that it takes by way of a thread,
but all others wait meanwhile: only where nothing has to be waited for, and the disk is not slow.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from contextlib import contextmanager

QUICK = 2**15
"""Bytes of a write that takes no longer than a hop between threads."""
_SLOW, _LAST, _REST = 0.001, 8, 1.0
"""Seconds that the last few calls on the event loop may have taken each; then none is done there for so long."""
_IN_A_ROW = 100
"""Calls on the event loop, before one has to go to the thread: only there SQLite clears its log, which takes a sync."""


class NotNow(Exception):
    """It would have to wait. Nothing has happened."""


class Haste:
    """Of one connection that is used on the event loop."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._mean = 0.0
        """Seconds, of the last few calls on the event loop."""
        self._rests_until = 0.0

    def elsewhere(self) -> None:
        """A call goes to the thread."""
        self._in_a_row = 0

    @contextmanager
    def turn(self) -> Generator[None]:
        """Around a call. Raises `NotNow`."""
        if self._in_a_row == _IN_A_ROW or (began := time.monotonic()) < self._rests_until:
            self._in_a_row = 0
            raise NotNow
        self._in_a_row += 1
        try:
            yield
        finally:
            self._mean += (time.monotonic() - began - self._mean) / _LAST
            if self._mean > _SLOW:
                self._mean, self._rests_until = 0.0, time.monotonic() + _REST


class FirstOfTurn:
    """Whether a call is the first one in its turn of the event loop: those that come on and on would let nobody in."""

    def __init__(self) -> None:
        self._was = False

    def __call__(self) -> bool:
        if self._was:
            return False
        self._was = True
        asyncio.get_running_loop().call_soon(self._next_turn)
        return True

    def _next_turn(self) -> None:
        self._was = False
