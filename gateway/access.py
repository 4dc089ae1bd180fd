"""Who calls, and how much he may send."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..contracts.actor import ActorContext, bind_actor
from .errors import refuse
from .replies import Json

Authenticate = Callable[[Mapping[str, str]], Awaitable[ActorContext | None]]
"""From the headers of a request (their names in lower case) to who calls; `None`: nobody who may."""

_OPEN = {"/", "/ok", "/info", "/openapi.json", "/docs", "/docs/oauth2-redirect"}
LARGEST = 32_000_000
"""Bytes of a body: as much as a run takes for an answer."""


class Authenticated:
    """Everything that a request does is done on behalf of who has sent it. What is another's is not found then."""

    def __init__(self, app: ASGIApp, authenticate: Authenticate) -> None:
        self._app = app
        self._authenticate = authenticate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or unquote(scope["path"]) in _OPEN:
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        actor = await self._authenticate(headers)
        if actor is None:
            await Json({"detail": "Unauthorized"}, status_code=401)(scope, receive, send)
            return
        with bind_actor(actor):
            await self._app(scope, receive, send)


class JsonBodies:
    """Clients send JSON and do not always say so; and not more of it than can be used."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        others = [(name, value) for name, value in scope["headers"] if name != b"content-type"]
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > LARGEST:
                raise refuse(413, f"the body is larger than {LARGEST:,} bytes")
            return message

        await self._app({**scope, "headers": [*others, (b"content-type", b"application/json")]}, bounded, send)
