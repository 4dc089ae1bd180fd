"""Memory that a worker without work gives back to the system: glibc keeps what it has had, for more of the same."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

logger = logging.getLogger(__name__)

IDLE = 10.0
"""Seconds without an activity after which there is time for it."""
Trim = Callable[[], None]


def trimmer() -> Trim | None:
    """What has the C library give memory back; `None` where it is not glibc, which alone has such a function."""
    if sys.platform != "linux":
        return None
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return None if trim is None else lambda: trim(0)


@asynccontextmanager
async def trimmed_when_idle(begun: Callable[[], int], busy: Callable[[], bool]) -> AsyncGenerator[None]:
    """Within the block, once after each time of work. `begun`: how many activities there have been so far."""
    trim = trimmer()
    if trim is None:
        yield
        return
    looking = asyncio.create_task(_look(trim, begun, busy))
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.wait({looking})


async def _look(trim: Trim, begun: Callable[[], int], busy: Callable[[], bool]) -> None:
    trimmed = begun()
    while True:
        before = begun()
        await asyncio.sleep(IDLE)
        if begun() == before != trimmed and not busy():
            gc.collect()
            await asyncio.to_thread(trim)  # it takes a while, and holds no lock of Python's
            trimmed = before
            logger.debug("memory is given back to the system")
