"""A connection of a client, as uvicorn has it, with less of its memory: thousands of them may wait for events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_CONNECTION = "perdure.connection"


class Connection(HttpToolsProtocol):
    """Three queues, of 760 bytes each while they are empty, are lists here; and who waits for its end is called."""

    left: Callable[[], object] | None = None
    """Called when the client has left. It is there while a long answer is given."""

    is_lost = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = _Flow(transport)
        self.pipeline: Any = _Line()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope[_CONNECTION] = self

    def forget(self) -> None:
        """Of the request that is answered, nobody asks for its headers any more: 2 kB of a browser's."""
        self.headers.clear()

    def cut_off(self) -> None:
        """Its answer is left without an end, on purpose: uvicorn would take it for a fault, and log each."""
        self.transport.close()
        self.cycle.disconnected = True

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.is_lost = True
        left, self.left = self.left, None
        if left is not None:
            left()


def connection_of(scope: Scope) -> Connection | None:
    """That a request came by; `None` where another server is around the application."""
    return scope.get(_CONNECTION)


class _Line(list[Any]):
    """Requests that were sent before the answer to another one."""

    def appendleft(self, one: Any) -> None:
        self.insert(0, one)


class _Flow(FlowControl):
    """With something to wait for only while there is."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.read_paused = False
        self.write_paused = False
        self._writable: asyncio.Event | None = None

    async def drain(self) -> None:
        if self._writable is not None:
            await self._writable.wait()

    def pause_writing(self) -> None:
        if not self.write_paused:
            self.write_paused = True
            self._writable = asyncio.Event()

    def resume_writing(self) -> None:
        if self._writable is not None:
            self.write_paused = False
            self._writable.set()
            self._writable = None
