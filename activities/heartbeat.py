"""The heartbeat of an activity: proof of life for Temporal, and how a cancel reaches it when all else fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from temporalio import activity

_BEATS = 4
"""Heartbeats within one timeout, so that a missed one does not matter."""


@asynccontextmanager
async def heartbeating() -> AsyncGenerator[None]:
    """Sends heartbeats while the block runs."""
    timeout = activity.info().heartbeat_timeout
    if timeout is None:
        yield
        return
    beating = asyncio.create_task(_beat(timeout.total_seconds() / _BEATS))
    try:
        yield
    finally:
        beating.cancel()


async def _beat(interval: float) -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(interval)
