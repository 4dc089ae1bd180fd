"""Work that a cancelled caller does not cut in half."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from functools import partial
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
            await _end_of(task)
        except asyncio.CancelledError as exc:
            cancelled = exc
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # an error that nobody is left to hear is no loop error
    raise cancelled


def _end_of(task: asyncio.Future[T]) -> asyncio.Future[None]:
    """(`asyncio.wait` is for several, and takes a third of the time of a short read.)"""
    ended = task.get_loop().create_future()
    task.add_done_callback(partial(_tell, ended))
    return ended


def _tell(ended: asyncio.Future[None], _: object) -> None:
    if not ended.done():
        ended.set_result(None)
