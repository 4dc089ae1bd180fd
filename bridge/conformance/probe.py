"""What the conformance tests ask with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Generator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any, TypeVar

from ...contracts.serialization.serializer import to_json
from ...contracts.types import Stop, StreamEvent, new_run_id
from ..contract import Bridge, NewEvent

T = TypeVar("T")
E = TypeVar("E", bound=Exception)

PATIENCE = 20.0
"""Seconds until something that should happen at once counts as never."""


def event(data: object, *, name: str = "custom", key: str | None = None) -> NewEvent:
    return NewEvent(name, to_json(data), key)


END = event(None, name="end")


async def new_stream(bridge: Bridge) -> str:
    """The run id of an empty stream."""
    run_id = new_run_id()
    await bridge.create(run_id)
    return run_id


async def take(events: AsyncIterator[StreamEvent], count: int) -> list[StreamEvent]:
    """The next `count` events."""
    async with asyncio.timeout(PATIENCE):
        return [await anext(events) for _ in range(count)]


async def rest(events: AsyncIterator[StreamEvent]) -> list[StreamEvent]:
    """All events up to the end of the iteration."""
    async with asyncio.timeout(PATIENCE):
        return [event async for event in events]


async def stored(bridge: Bridge, run_id: str) -> list[tuple[int, Any]]:
    """Id and data of every event that the stream holds."""
    last_id = await bridge.last_event_id(run_id)
    async with aclosing(bridge.subscribe(run_id)) as events:
        found = [(int(event.id), event.data) for event in await take(events, last_id)]
    assert [id for id, _ in found] == list(range(1, last_id + 1)), "ids must be dense and ascending from 1"
    return found


async def stopped(bridge: Bridge, run_id: str, beyond: Stop | None = None) -> Stop:
    """`stop_requested`, but not for ever."""
    async with asyncio.timeout(PATIENCE):
        return await bridge.stop_requested(run_id, beyond=beyond)


@asynccontextmanager
async def meanwhile(work: Coroutine[Any, Any, T]) -> AsyncGenerator[asyncio.Task[T]]:
    """A task for as long as the block lasts, begun before the block is."""
    task = asyncio.create_task(work)
    try:
        await asyncio.sleep(0)
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def result(task: asyncio.Task[T]) -> T:
    async with asyncio.timeout(PATIENCE):
        return await task


@contextmanager
def refused(kind: type[E]) -> Generator[list[E]]:
    """The block must raise `kind`; the error is in the list afterwards."""
    caught: list[E] = []
    try:
        yield caught
    except kind as exc:
        caught.append(exc)
        return
    raise AssertionError(f"expected {kind.__name__}")
