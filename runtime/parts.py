"""What a worker opens and closes, together."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol


class Part(Protocol):
    """A back end."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...


@asynccontextmanager
async def opened(*parts: Part) -> AsyncGenerator[None]:
    """Each is closed in the end, the last one first, also one whose start has failed; none is started after that."""
    async with AsyncExitStack() as stack:
        for part in parts:
            stack.push_async_callback(part.close)
            await part.start()
        yield
