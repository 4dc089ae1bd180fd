"""Where the API is, among the paths of a host: behind a prefix, and beside routes of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from ..contracts.errors import PerdureError
from .access_rules import Match, methods_of, rule_of
from .callers import Identify, identified
from .errors import answer_to, refuse
from .sockets import method_of, refused_socket

_EVERYWHERE = ("/", "/ok", "/metrics")
"""For who looks whether the gateway is there, and knows no prefix."""


def path_of(scope: Scope) -> str:
    """The path without what stands before the API, as the router takes it."""
    return str(scope["path"]).removeprefix(str(scope.get("root_path", "")))


_MATCH = "perdure.match"


def match_of(scope: Scope) -> Match | None:
    """The rule of a request, looked up by the first who asks for it."""
    if _MATCH not in scope:
        scope[_MATCH] = rule_of(method_of(scope), path_of(scope))
    return scope[_MATCH]


def lifespan_of(app: ASGIApp | None) -> AbstractAsyncContextManager[object]:
    """What an application of Starlette's kind begins and ends with."""
    router = getattr(app, "router", None)
    found = getattr(router, "lifespan_context", None)
    return nullcontext() if found is None else found(app)


class Mounted:
    """Everything is behind a prefix."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and scope["path"] not in _EVERYWHERE:
            if not f"{scope['path']}/".startswith(f"{self._prefix}/"):
                await _not_found(scope, receive, send)
                return
            path = scope["path"] if scope["path"] != self._prefix else f"{self._prefix}/"
            scope = {**scope, "path": path, "root_path": self._prefix}
        await self._app(scope, receive, send)


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await refused_socket(refuse(404, "Not Found"), receive, send)
    else:
        await answer_to(refuse(404, "Not Found"))(scope, receive, send)


class CustomRoutes:
    """What is no route of the API is the user's application's; `identify`: only who is known is let in to it."""

    def __init__(self, app: ASGIApp, custom: ASGIApp, identify: Sequence[Identify] = ()) -> None:
        self._app = app
        self._custom = custom
        self._identify = identify

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or methods_of(path_of(scope)):
            await self._app(scope, receive, send)
            return
        try:
            if self._identify:
                await identified(self._identify, HTTPConnection(scope))
        except (HTTPException, PerdureError) as exc:
            await answer_to(exc)(scope, receive, send)
            return
        await self._custom(scope, receive, send)
