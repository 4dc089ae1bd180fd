"""The queue of a live graph's events before the bridge: sent in order, each when it may go, and waited for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ...bridge.contract import Bridge, NewEvent
from ...contracts.limit_settings import LimitSettings
from ...contracts.telemetry.metrics import instruments
from ..attempt.heartbeat import Say
from ..attempt.retry import when_there
from .stream_limit import StreamLimit

T = TypeVar("T")

_BACKLOG = 8_000_000
"""Bytes that may wait for the bridge before the graph has to wait, too."""
_BATCH = 500
"""Events of one transaction: 50 are 3.6 times as fast as one by one, and more than these only hold the lock longer."""


class OutboxClosed(Exception):
    """Nothing more is sent: a save has failed, or the graph is let go."""


@dataclass(slots=True)
class Hold:
    """What keeps an event back until it is over."""

    over: bool = False


@dataclass(slots=True)
class _Waiting:
    event: NewEvent
    holds: Sequence[Hold]

    @property
    def may_go(self) -> bool:
        return all(hold.over for hold in self.holds)


class Outbox:
    """Sends while `async with` it. What is waited for raises whatever made it impossible."""

    def __init__(self, bridge: Bridge, run_id: str, *, fence: int, say: Say, limits: LimitSettings) -> None:
        self._bridge = bridge
        self._run_id = run_id
        self._fence = fence
        self._say = say
        self._limit = StreamLimit(bridge, run_id, limits)
        self._queue: deque[_Waiting] = deque()
        self._bytes = 0
        self._sent = 0
        self._stirred = asyncio.Event()
        self._moved = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None
        self._closed: Exception | None = None
        """Why nothing more is sent."""
        self.accepted = 0
        """Events so far."""
        self.crowded = False
        """The bridge is far behind, and the graph waits for it."""
        self.failure: Exception | None = None
        """The bridge's, which is not the graph's."""
        self.failed = asyncio.Event()

    async def __aenter__(self) -> Outbox:
        self._sender = asyncio.create_task(self._send_for_ever())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close(OutboxClosed())
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)

    def put(self, event: NewEvent, holds: Sequence[Hold]) -> None:
        """Accept an event. It goes once those before it have gone and its holds are over."""
        self._queue.append(_Waiting(event, holds))
        self.accepted += 1
        self._bytes += len(event.data)
        self._stirred.set()

    async def room(self) -> None:
        """Wait while the bridge is far behind, unless what is first in line is held."""
        while self._bytes > _BACKLOG and self._queue and self._queue[0].may_go:
            self.crowded = True
            await self.flush(self._sent + 1)
        if self.crowded:
            self.crowded = False
            self.move()

    async def flush(self, count: int | None = None) -> None:
        """Wait until the first `count` events (all so far) are in the bridge."""
        limit = self.accepted if count is None else count
        await self.until(lambda: self._sent >= limit)

    async def flush_before(self, kept_back: Callable[[Hold], bool]) -> None:
        """Wait until all events are in the bridge, but for those that wait for the end of such a hold."""
        await self.until(lambda: not self._queue or any(map(kept_back, self._queue[0].holds)))

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait for a condition on what is sent or has been told with `move`."""
        while not reached():
            if self._closed is not None:
                raise self._closed
            await self._moved.wait()

    def move(self) -> None:
        """Let all who wait look at their condition, and send what may go now."""
        self._stirred.set()
        self._moved.set()
        self._moved = asyncio.Event()

    def close(self, reason: Exception) -> None:
        """Send nothing more. The first reason counts."""
        self._closed = self._closed or reason
        self.move()

    async def _send_for_ever(self) -> None:
        try:
            while self._closed is None:
                await self._stirred.wait()
                self._stirred.clear()
                while batch := self._batch():
                    await self._send_fitting(batch)
        except Exception as exc:  # noqa: BLE001 - whatever a bridge raises, nobody must wait for it for ever
            self.failure = exc
            self.failed.set()
            self.close(exc)

    def _batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        if self._closed is not None:
            return batch
        for waiting in self._queue:
            if len(batch) == _BATCH or not waiting.may_go:
                break
            batch.append(waiting)
        return batch

    async def _send_fitting(self, batch: list[_Waiting]) -> None:
        """Raises `StreamFullError` behind the last that the stream has room for."""
        events = [waiting.event for waiting in batch]
        fitting = await self._there(lambda: self._limit.fitting(events))
        if fitting:
            await self._send(fitting)
            self._take_out(batch[: len(fitting)])
        if len(fitting) < len(batch):
            raise self._limit.full()

    async def _send(self, events: Sequence[NewEvent]) -> None:
        async def publish() -> None:
            await self._bridge.publish(self._run_id, events, fence=self._fence)

        await self._there(publish)

    async def _there(self, call: Callable[[], Awaitable[T]]) -> T:
        return await when_there(call, what="bridge", run_id=self._run_id, say=self._say)

    def _take_out(self, batch: list[_Waiting]) -> None:
        for waiting in batch:
            self._queue.popleft()
            self._bytes -= len(waiting.event.data)
        self._sent += len(batch)
        instruments().events.add(len(batch))
        self.move()
