"""Signs of life in a stream that is made by somebody who gives none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from ..sse import HEARTBEAT


async def kept_alive(parts: AsyncGenerator[bytes], interval: float) -> AsyncGenerator[bytes]:
    """The parts, and a comment for each interval (seconds) in which none has come."""
    coming: asyncio.Task[bytes] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(parts))
            if not (await asyncio.wait({coming}, timeout=interval))[0]:
                yield HEARTBEAT
                continue
            try:
                part = coming.result()
            except StopAsyncIteration:
                return
            coming = None
            yield part
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.wait({coming})
        await parts.aclose()
