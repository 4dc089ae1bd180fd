"""An answer that takes long is for who is let in while it is given, and not only for who was when he asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ..contracts.errors import PerdureError
from .callers import Recheck

logger = logging.getLogger(__name__)

_LOOK = 5.0
"""Seconds between two looks."""


@asynccontextmanager
async def watched(recheck: Recheck) -> AsyncGenerator[None]:
    """Cut the block off, without an error, once its caller is not let in any more."""
    answering = asyncio.current_task()
    assert answering is not None
    gone = False

    async def watch() -> None:
        nonlocal gone
        await _until_gone(recheck)
        gone = True
        answering.cancel()

    watching = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if not gone or answering.uncancel():
            raise
    finally:
        watching.cancel()


async def _until_gone(recheck: Recheck) -> None:
    while await _still(recheck):  # noqa: ASYNC110 - there is no event: it is in the store, and in the time of day
        await asyncio.sleep(_LOOK)


async def _still(recheck: Recheck) -> bool:
    try:
        return await recheck()
    except PerdureError as exc:  # it cannot be said now, so what was said before holds
        logger.warning("whether a caller is still let in could not be looked up: %s", exc)
        return True
