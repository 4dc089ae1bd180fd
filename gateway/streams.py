"""A run's stream for one client."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ..contracts.types import AWAITING_INPUT_EVENT, HEARTBEAT_EVENT, RunStatus, StreamEvent
from ..facade.run_stream import RunStream
from ..facade.runs import RunsFacade
from .context import Context
from .frames import Frames
from .sse import HEARTBEAT


async def sent(context: Context, run_id: str, stream: RunStream, frames: Frames) -> AsyncGenerator[bytes]:
    """What goes over the wire, up to the end of the run, or to the question at which a Python program holds it."""
    async with context.following(stream):
        async for event in stream:
            if event.event == AWAITING_INPUT_EVENT and await is_open_question(context.runs, event):
                stream.hand_over()  # nobody has left
                return
            if event.event == HEARTBEAT_EVENT:
                yield HEARTBEAT
            elif part := context.frames.of(run_id, event, frames):
                yield part


async def is_open_question(runs: RunsFacade, event: StreamEvent) -> bool:
    """Whether it tells of a question that is open still: a stream is often read from its beginning."""
    if event.event != AWAITING_INPUT_EVENT:
        return False
    run = await runs.get_run(event.data["run_id"])
    return run is not None and run.status is RunStatus.AWAITING_INPUT
