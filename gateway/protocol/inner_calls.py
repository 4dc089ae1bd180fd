"""A request of the API that comes in by a socket: it goes the way of all others, with its socket's headers."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Scope

from ..json_values import object_of

_OF_SOCKETS = (b"upgrade", b"connection", b"content-length", b"content-type", b"origin")


async def posted(app: ASGIApp, socket: Scope, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
    """The status of its answer, and what it says."""
    status, said = 500, bytearray()

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        said.extend(message.get("body", b""))

    await app(_request(socket, path), receive, send)
    try:
        answer = object_of(orjson.loads(bytes(said)))
    except orjson.JSONDecodeError:
        answer = {}
    return status, answer or {"detail": said.decode(errors="replace")}


def _request(socket: Scope, path: str) -> Scope:
    headers = [
        (name, value)
        for name, value in socket["headers"]
        if name not in _OF_SOCKETS and not name.startswith(b"sec-websocket")
    ]
    kept = {name: socket[name] for name in ("asgi", "client", "server", "http_version") if name in socket}
    scheme = "https" if socket.get("scheme") == "wss" else "http"
    asked = {"method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers}
    return {"type": "http", "scheme": scheme, "root_path": "", **kept, **asked}
