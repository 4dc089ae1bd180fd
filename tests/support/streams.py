"""A run, and what its stream will have said."""

from __future__ import annotations

import asyncio

from perdure import RunsFacade, RunSpec, StreamEvent


async def under_way(runs: RunsFacade, spec: RunSpec) -> tuple[str, asyncio.Task[list[StreamEvent]]]:
    """A run that has published the state of its first superstep, and its events as they will have been."""
    record, stream = await runs.create_and_stream(spec)
    reached = asyncio.Event()

    async def read() -> list[StreamEvent]:
        events: list[StreamEvent] = []
        async for event in stream:
            events.append(event)
            if event.event == "values" and event.data["log"]:
                reached.set()
        return events

    reading = asyncio.create_task(read())
    await reached.wait()
    return record.run_id, reading
