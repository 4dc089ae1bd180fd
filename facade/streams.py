"""The event stream of a run, for a reader."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable

from ..contracts.types import TERMINAL_EVENTS, StreamEvent


async def cancelled_on_disconnect(
    stream: AsyncGenerator[StreamEvent], cancel: Callable[[], Awaitable[object]]
) -> AsyncGenerator[StreamEvent]:
    """The stream, and `cancel` when its reader goes away before the terminal event."""
    ended = False
    try:
        async for event in stream:
            ended = event.event in TERMINAL_EVENTS
            yield event
    finally:
        await stream.aclose()
        if not ended:
            await cancel()
