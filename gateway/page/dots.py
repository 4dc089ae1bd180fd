"""Ids that are `.` or `..`: a browser takes them for steps in an address, so the page sends a `~` before them."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from ..mounting import path_of

_SENT = re.compile(r"(?<=/)~(?=~*\.{1,2}(?:/|$))")


class Dots:
    """Gives the routes of the page such ids as they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and path_of(scope).startswith("/ui/threads/"):
            scope = {**scope, "path": _SENT.sub("", scope["path"])}
        await self._app(scope, receive, send)
