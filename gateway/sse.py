"""Server-sent events on the wire."""

from __future__ import annotations

from typing import Any

from .frames import Frame
from .replies import encode

EVENTS = "text/event-stream"
STREAMED: dict[int | str, dict[str, Any]] = {200: {"content": {EVENTS: {}}, "description": "Server-sent events"}}
"""How a route says that it answers with them."""
HEARTBEAT = b": heartbeat\r\n\r\n"
PATIENCE = 60.0
"""Seconds for which a reader may take nothing; then it is taken for gone."""


def encoded(frame: Frame) -> bytes:
    """On the wire."""
    id = b"" if frame.id is None else b"id: " + frame.id.encode() + b"\r\n"
    return b"event: " + frame.event.encode() + b"\r\ndata: " + encode(frame.data) + b"\r\n" + id + b"\r\n"
