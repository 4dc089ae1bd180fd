"""What a run says goes to the page a few times a second: each part alone would wake the whole browser, fifty times."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

LONG = 2**14
"""Bytes that are not held back: a stream that is read from its beginning comes without a rest."""


async def gathered(parts: AsyncGenerator[bytes], rest: float) -> AsyncGenerator[bytes]:
    """A part goes out at once when nothing has gone out for `rest` seconds; else as one with what comes until then."""
    loop = asyncio.get_running_loop()
    coming: asyncio.Task[bytes] | None = None
    due = loop.time()
    ended = False
    async with aclosing(parts):
        try:
            while not ended:
                ready = b""
                while len(ready) < LONG and not ended:
                    coming = coming or loop.create_task(_next(parts))
                    timeout = max(0, due - loop.time()) if ready else None
                    if not (await asyncio.wait({coming}, timeout=timeout))[0]:
                        break
                    part, coming = coming.result(), None
                    ended = not part
                    ready += part
                if ready:
                    yield ready
                    due = loop.time() + rest
        finally:
            if coming is not None:  # a generator that is at work cannot be closed
                coming.cancel()
                await asyncio.wait({coming})


async def _next(parts: AsyncGenerator[bytes]) -> bytes:
    """Empty: there is no other."""
    return await anext(parts, b"")
