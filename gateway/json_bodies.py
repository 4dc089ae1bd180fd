"""How much a request may send, and as what it is read."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import refuse


class JsonBodies:
    """Clients send JSON and do not always say so; and not more of it than can be used."""

    def __init__(self, app: ASGIApp, largest: int) -> None:
        self._app = app
        self._largest = largest

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
            if received > self._largest:
                raise refuse(413, f"the body is larger than {self._largest:,} bytes")
            return message

        await self._app({**scope, "headers": [*others, (b"content-type", b"application/json")]}, bounded, send)
