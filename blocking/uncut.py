"""Work that a cancelled caller does not cut in half."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def uncut(work: Awaitable[T]) -> T:
    """Run `work` to its end. A caller who is cancelled meanwhile learns of it after that.

    For short work only. Cut in the middle, a transaction would stay, and its lock with it, with a thread that nobody
    waits for.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as exc:
            cancelled = exc
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # an error that nobody is left to hear is no loop error
    raise cancelled
