"""A gateway that stops: requests that still wait are told so, for their clients to ask another one."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .connections import connection_of
from .context import Context
from .replies import Json

AGAIN = 1
"""Seconds after which a client may ask again: another gateway serves by then, or already."""
_WHY = (
    "this gateway is stopping, and the answer was not there yet; what was asked may have been done. Ask again: what "
    "creates a run is safe to repeat with the same Idempotency-Key"
)


class Stopping:
    """503 for who waits when the gateway cuts its requests off; an answer that has begun is left without an end."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def noted(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except asyncio.CancelledError:
            if not self._context.closing:
                raise
            if not has_begun:
                await _stops()(scope, receive, send)
            elif (connection := connection_of(scope)) is not None:
                connection.cut_off()


def _stops() -> Json:
    return Json({"detail": _WHY}, status_code=503, headers={"Retry-After": str(AGAIN)})
