"""A run's stream for one client."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ..contracts.types import AWAITING_INPUT_EVENT, HEARTBEAT_EVENT
from ..facade.run_stream import RunStream
from .context import Context
from .frames import Frames
from .sse import HEARTBEAT, encoded


async def sent(context: Context, stream: RunStream, frames: Frames) -> AsyncGenerator[bytes]:
    """What goes over the wire, up to the end of the run, or to the question at which a Python program holds it."""
    async with context.following(stream):
        async for event in stream:
            if event.event == AWAITING_INPUT_EVENT:
                return
            if event.event == HEARTBEAT_EVENT:
                yield HEARTBEAT
            else:
                for frame in frames.of(event):
                    yield encoded(frame)
