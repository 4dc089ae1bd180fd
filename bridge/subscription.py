"""How readers wait, the same for every back end that can say "something changed"."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from functools import lru_cache

from ..contracts.errors import RunNotFoundError, UnavailableError
from ..contracts.serialization.serializer import from_json
from ..contracts.telemetry.metrics import subscribed
from ..contracts.types import GAP_EVENT, HEARTBEAT_EVENT, Stop, StreamEvent
from .contract import parse_event_id
from .stream import Excerpt, stop_level, stop_of_level
from .tails import OpenWatch, Read, Tails


async def follow(
    run_id: str,
    last_event_id: str | int | None,
    heartbeat_interval: float | None,
    *,
    watch: OpenWatch,
    read: Read,
    tails: Tails | None = None,
) -> AsyncGenerator[StreamEvent]:
    """`Bridge.subscribe` over `read`, which gives some of the events after an id, or raises `RunNotFoundError`.

    It reads on only when its consumer has taken what was read: a slow one holds nothing but one excerpt. `tails`: of
    the bridge, by which readers of a run share what is read.
    """
    position = parse_event_id(last_event_id)
    _check_heartbeat(heartbeat_interval)
    clock = asyncio.get_running_loop().time
    stream: int | None = None
    spoke_at = clock()
    with (tails or Tails()).follow(run_id, watch, read) as change, subscribed():
        while not change.closed:
            change.rearm()
            try:
                found = await change.read(position, stream)
            except UnavailableError:
                if change.closed:
                    return
                raise
            if stream not in (None, found.stream):
                raise RunNotFoundError(run_id)
            stream, before = found.stream, position
            for event in _announced(found, position):
                position = int(event.id)
                yield event
            event = None  # who waits here for long holds nothing
            if found.ended and (position >= found.last_id or not found.events):
                return
            if position != before:
                spoke_at = clock()
            if position < found.last_id and found.events:
                continue
            silent_until = None if heartbeat_interval is None else spoke_at + heartbeat_interval
            if not await change.wait(silent_until):
                yield heartbeat(position)
                spoke_at = clock()


@lru_cache(maxsize=1000)
def heartbeat(position: int) -> StreamEvent:
    """The same for all who wait at this position: there may be thousands, who keep what they were given last."""
    return StreamEvent(id=str(position), event=HEARTBEAT_EVENT)


def _announced(found: Excerpt, position: int) -> Iterator[StreamEvent]:
    """The events behind `position`, and each hole before or among them."""
    for stored in found.events:
        if stored.id > position + 1:
            yield _gap(stored.id)
        position = stored.id
        yield StreamEvent(id=str(stored.id), event=stored.event, data=from_json(stored.data))
    if not found.events and found.first_id > position + 1:
        yield _gap(found.first_id)


def _gap(available: int) -> StreamEvent:
    return StreamEvent(id=str(available - 1), event=GAP_EVENT, data={"first_available_id": str(available)})


async def await_stop(
    beyond: Stop | None,
    *,
    watch: OpenWatch,
    read: Callable[[], Awaitable[int]],
) -> Stop:
    """`Bridge.stop_requested` over `read`, which gives the run's stop level. Raises `UnavailableError` at the end."""
    with watch() as change:
        while not change.closed:
            change.rearm()
            level = await read()
            if level > stop_level(beyond):
                return stop_of_level(level)
            await change.wait()
    raise UnavailableError("the bridge was closed while somebody waited for a stop")


def _check_heartbeat(interval: float | None) -> None:
    """Raises `ValueError`: an interval of 0 would be a storm."""
    if interval is not None and not interval > 0:
        raise ValueError(f"heartbeat_interval must be more than 0 seconds, not {interval!r} (None: no heartbeats)")
