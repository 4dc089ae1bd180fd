"""What a user reads a run by."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

from ..contracts.types import StreamEvent


class RunStream(AsyncGenerator[StreamEvent]):
    """A run's events, for `async for`. It ends with the run.

    Who leaves it before that closes it: `async with stream:` around the loop, or `await stream.aclose()`. A stream that
    is only left by `break` reads on for nobody's sake as long as a variable holds it.
    """

    def __init__(self, events: AsyncGenerator[StreamEvent], *, let_go: Callable[[], None] | None = None) -> None:
        self._events = events
        self._let_go = let_go

    async def __aenter__(self) -> RunStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def hand_over(self) -> None:
        """For a process that stops: when the stream is closed now, `on_disconnect="cancel"` does not end the run yet.

        Its reader has 30 s to join it in another process (`join_stream(…, holds=True)`).
        """
        if self._let_go is not None:
            self._let_go()

    def __anext__(self) -> Coroutine[Any, Any, StreamEvent]:
        return self._events.__anext__()  # without a frame of its own, for as long as nothing comes

    async def asend(self, value: None) -> StreamEvent:
        return await self._events.asend(value)

    async def athrow(self, typ: Any, val: Any = None, tb: Any = None) -> StreamEvent:
        return await self._events.athrow(typ if val is None else val)

    async def aclose(self) -> None:
        """Let go of what the reader holds; with `on_disconnect="cancel"`, cancel the run. Safe to repeat."""
        await self._events.aclose()
