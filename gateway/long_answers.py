"""What may take long: streams, and bodies that are waited for.

There may be thousands at once, and most of them wait. So an answer is given once everything that has made it is gone
(the frames of the frameworks hold more than it does), in as few frames of its own as can be.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from functools import partial

from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .connections import Connection, connection_of
from .context import Context
from .sse import EVENTS, PATIENCE

logger = logging.getLogger(__name__)

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

Later = Callable[[Receive, Send], Awaitable[None]]
Within = Callable[[], AbstractAsyncContextManager[object]]
_LATER = "perdure.later"


class Unburdened:
    """Around all others: what they have left for later is done when they have returned."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        later: list[Later] = []
        await self._app({**scope, _LATER: later}, receive, send)
        for answer in later:
            await answer(receive, send)


def surround(scope: Scope, within: Within) -> None:
    """What was left for later is done within this: for who has something to hold, or to end, as long as it takes."""
    later: list[Later] = scope.get(_LATER, [])
    later[:] = [partial(_surrounded, within, answer) for answer in later]


async def _surrounded(within: Within, answer: Later, receive: Receive, send: Send) -> None:
    async with within():
        await answer(receive, send)


class LongReply(Response):
    """What an application answers that may take long. When the gateway stops it is cut off at once (`stopping`)."""

    def __init__(self, context: Context, app: ASGIApp) -> None:
        super().__init__()
        self._context = context
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._context.kept_open():
            await self._app(scope, receive, send)


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
        self._connection: Connection | None = None
        self._begin: Send | None = None
        """By way of all who add headers, of which nobody is needed any more then."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        later: list[Later] | None = scope.get(_LATER)
        self._begin = send
        self._connection = connection_of(scope)
        if later is None:
            await self._answer(receive, send)
        else:
            later.append(self._answer)

    async def _answer(self, receive: Receive, send: Send) -> None:
        # Without Starlette's task group, in which nothing could be awaited any more once its reader has left: to stop
        # a run takes a call.
        sending = asyncio.current_task()
        assert sending is not None
        leaving = _Leaving(sending, self._connection, receive)
        patience = _Patience(sending)
        try:
            with self._context.kept_open():
                async with aclosing(self._parts):
                    await self._begun()
                    async for part in self._parts:
                        patience.begins()
                        await send(_body(part))
                        patience.ends()
                    await send(_body(b"", more=False))
        except asyncio.CancelledError:
            if not (self._context.closing or leaving.has_left or patience.is_over):
                raise
            if self._connection is not None:
                self._connection.cut_off()
        finally:
            patience.close()
            leaving.close()

    async def _begun(self) -> None:
        assert self._begin is not None
        send, self._begin = self._begin, None
        headers, self.raw_headers = self.raw_headers, []
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        if self._connection is not None:
            self._connection.forget()


class _Leaving:
    """Cancels what sends to a client that leaves; by a task only where its connection does not tell."""

    __slots__ = ("_connection", "_sending", "_task", "has_left")

    def __init__(self, sending: asyncio.Task[object], connection: Connection | None, receive: Receive) -> None:
        self._sending = sending
        self._connection = connection
        self._task: asyncio.Task[None] | None = None
        self.has_left = False
        if connection is None or connection.is_lost:
            self._task = asyncio.create_task(_left(receive))
            self._task.add_done_callback(lambda left: None if left.cancelled() else self._leaves())
        else:
            connection.left = self._leaves

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._connection is not None:
            self._connection.left = None

    def _leaves(self) -> None:
        self.has_left = True
        self._sending.cancel()


class _Patience:
    """Cancels what sends to a reader that takes nothing.

    It looks now and then: a timer for each token would take a tenth of its time.
    """

    __slots__ = ("_loop", "_sending", "_since", "_timer", "is_over")

    def __init__(self, sending: asyncio.Task[object]) -> None:
        self._loop = asyncio.get_running_loop()
        self._sending = sending
        self._since: float | None = None
        self._timer = self._loop.call_later(PATIENCE / 4, self._look)
        self.is_over = False

    def begins(self) -> None:
        self._since = self._loop.time()

    def ends(self) -> None:
        self._since = None

    def close(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        if self._since is not None and self._loop.time() - self._since >= PATIENCE:
            logger.info("a reader has taken nothing for %g s; it is taken for gone", PATIENCE)
            self.is_over = True
            self._sending.cancel()
        else:
            self._timer = self._loop.call_later(PATIENCE / 4, self._look)


def _body(part: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": part, "more_body": more}


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
