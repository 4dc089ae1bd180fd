"""What may take long: server-sent events, and bodies that are waited for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .context import Context
from .frames import Frame
from .replies import encode

logger = logging.getLogger(__name__)

EVENTS = "text/event-stream"
STREAMED: dict[int | str, dict[str, Any]] = {200: {"content": {EVENTS: {}}, "description": "Server-sent events"}}
"""How a route says that it answers with them."""
HEARTBEAT = b": heartbeat\r\n\r\n"
PATIENCE = 60.0
"""Seconds for which a reader may take nothing; then it is taken for gone."""
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def encoded(frame: Frame) -> bytes:
    """On the wire."""
    id = b"" if frame.id is None else b"id: " + frame.id.encode() + b"\r\n"
    return b"event: " + frame.event.encode() + b"\r\ndata: " + encode(frame.data) + b"\r\n" + id + b"\r\n"


Later = Callable[[], Awaitable[None]]
_LATER = "perdure.later"


class Unburdened:
    """Long answers are given once everything that has made them is gone: the frames of FastAPI hold 15 KB for each."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        later: list[Later] = []
        await self._app({**scope, _LATER: later}, receive, send)
        for answer in later:
            await answer()


class LongAnswer(StreamingResponse):
    """Closes what it reads from when its reader goes away, and does not wait for one that has stopped reading.

    When the gateway stops it is left without an end: a client knows then that more is to come, and asks for it.
    """

    def __init__(
        self,
        context: Context,
        parts: AsyncGenerator[bytes],
        *,
        media_type: str = EVENTS,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(parts, media_type=media_type, headers={**_HEADERS, **(headers or {})})
        self._context = context
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        later: list[Later] | None = scope.get(_LATER)
        if later is None:
            await self._answer(receive, send)
        else:
            later.append(partial(self._answer, receive, send))

    async def _answer(self, receive: Receive, send: Send) -> None:
        # Without Starlette's task group, in which nothing could be awaited any more once its reader has left: to stop
        # a run takes a call.
        leaving = asyncio.create_task(self.listen_for_disconnect(receive))
        sending = asyncio.current_task()
        assert sending is not None
        leaving.add_done_callback(lambda left: None if left.cancelled() else sending.cancel())
        try:
            async with aclosing(self._parts):
                await self._send_all(send)
        except asyncio.CancelledError:
            if not self._context.closing and not leaving.done():
                raise
        finally:
            leaving.cancel()

    async def _send_all(self, send: Send) -> None:
        async def patient(message: Message) -> None:
            async with asyncio.timeout(PATIENCE):
                await send(message)

        try:
            with self._context.kept_open():
                await self.stream_response(patient)
        except TimeoutError:
            logger.info("a reader has taken nothing for %g s; it is taken for gone", PATIENCE)
