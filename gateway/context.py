"""What every handler is given."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Annotated, Any

from fastapi import Depends, Header, Request

from ..facade.run_stream import RunStream
from ..facade.runs import RunsFacade
from .arrivals import Arrivals
from .kept_requests import KeptRequests
from .kept_states import KeptStates
from .shared_frames import SharedFrames

HEARTBEAT = 5.0
"""Seconds of silence after which a client hears that the connection is alive. Clients measure it."""


class Context:
    """Of one gateway."""

    def __init__(self, runs: RunsFacade, *, temporal_ui: str | None = None) -> None:
        self.runs = runs
        self.arrivals = Arrivals(runs)
        self.states = KeptStates()
        self.requests = KeptRequests()
        self.frames = SharedFrames()
        self.temporal_ui = temporal_ui
        """Where Temporal's UI shows a workflow whose id is appended; `None`: that is not known."""
        self.closing = False
        """The gateway stops: what is open is cut off, and its clients go on at another one."""
        self._open: set[asyncio.Task[Any]] = set()
        self._streams: set[RunStream] = set()

    @property
    def open(self) -> int:
        """Answers that take long, and are under way."""
        return len(self._open)

    def kept_open(self) -> AbstractContextManager[None]:
        """While the current task sends what may take long."""
        task = asyncio.current_task()
        assert task is not None
        return _Kept(self._open, task)

    def following(self, stream: RunStream) -> AbstractAsyncContextManager[None]:
        """While a client follows this; then it is closed. Of a gateway that stops, another one holds its run."""
        return _Followed(self._streams, stream)

    def close(self) -> None:
        """Cut off all that is open."""
        self.closing = True
        for stream in self._streams:
            stream.hand_over()
        for task in self._open:
            task.cancel()


class _Kept:
    """(A generator would have a frame of its own, for each of thousands.)"""

    __slots__ = ("_open", "_task")

    def __init__(self, open_: set[asyncio.Task[Any]], task: asyncio.Task[Any]) -> None:
        self._open = open_
        self._task = task

    def __enter__(self) -> None:
        self._open.add(self._task)

    def __exit__(self, *_: object) -> None:
        self._open.discard(self._task)


class _Followed:
    __slots__ = ("_stream", "_streams")

    def __init__(self, streams: set[RunStream], stream: RunStream) -> None:
        self._streams = streams
        self._stream = stream

    async def __aenter__(self) -> None:
        self._streams.add(self._stream)

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._streams.discard(self._stream)


async def _context(request: Request) -> Context:
    found = request.app.state.context
    assert isinstance(found, Context)
    return found


async def _runs(request: Request) -> RunsFacade:
    return (await _context(request)).runs


def prefix(request: Request) -> str:
    """What stands before the paths of the API."""
    return str(request.scope.get("root_path", ""))


InContext = Annotated[Context, Depends(_context)]
Runs = Annotated[RunsFacade, Depends(_runs)]
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=1000)]
LastEventId = Annotated[str | None, Header(alias="Last-Event-ID")]
