"""The body of a request, read before its handler reads it."""

from __future__ import annotations

from starlette.types import Message, Receive

from .errors import refuse


async def read_body(receive: Receive) -> bytes:
    """All of it. Raises 400 when its client has left."""
    parts = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise refuse(400, "the client has left")
        parts += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(parts)


def replayed(body: bytes, receive: Receive) -> Receive:
    """This body, then what comes after it."""
    told = False

    async def replay() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
