"""How a WebSocket is refused: browsers do not show the status of a handshake, so it is in the code of the close."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from ..contracts.errors import PerdureError
from .errors import detail_of, status_of

SOCKET = "WEBSOCKET"
"""What stands for the method of a request."""
GONE = (WebSocketDisconnect, RuntimeError, OSError)
"""What is raised when it is written to a socket that is closed."""
_REFUSED = 4000
"""Before the status that the same request would have over HTTP."""
_LONGEST = 120
"""Bytes of a reason."""


def method_of(scope: Scope) -> str:
    """Of a request, be it that of a socket."""
    return SOCKET if scope["type"] == "websocket" else str(scope["method"])


async def closed_with(send: Send, status: int, reason: str) -> None:
    """One that was accepted."""
    told = reason.encode()[:_LONGEST].decode(errors="ignore")
    await send({"type": "websocket.close", "code": _REFUSED + status, "reason": told})


async def refused_socket(error: HTTPException | PerdureError, receive: Receive, send: Send) -> None:
    """One that nobody has looked at yet."""
    await receive()
    await send({"type": "websocket.accept"})
    if isinstance(error, PerdureError):
        await closed_with(send, status_of(error), detail_of(error))
    else:
        await closed_with(send, error.status_code, str(error.detail))
