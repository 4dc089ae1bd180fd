"""Headers of a request that nodes find in `configurable`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextvars import ContextVar

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from ..contracts.langgraph_http import HeaderPatterns

_NEVER = ("authorization", "proxy-authorization", "cookie", "x-api-key", "x-service-key", "x-tenant-id")
"""Whatever the patterns say: they are secrets, and runs are kept."""

_headers: ContextVar[Mapping[str, str]] = ContextVar("perdure_run_headers")


class RunHeaders:
    """Notes those that are wanted while a request is answered."""

    def __init__(self, app: ASGIApp, patterns: HeaderPatterns) -> None:
        self._app = app
        self._included = _pattern(patterns.included)
        self._excluded = _pattern(patterns.excluded)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        found = HTTPConnection(scope).headers.items()
        token = _headers.set({name: value for name, value in found if self._is_wanted(name)})
        try:
            await self._app(scope, receive, send)
        finally:
            _headers.reset(token)

    def _is_wanted(self, name: str) -> bool:
        wanted = self._included.fullmatch(name) and not self._excluded.fullmatch(name)
        return name not in _NEVER and bool(wanted)


def wanted_headers() -> Mapping[str, str]:
    """Of the request that is answered."""
    return _headers.get({})


def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    """Of any of these; of none, nothing."""
    any_of = "|".join(".*".join(map(re.escape, name.lower().split("*"))) for name in names)
    return re.compile(f"(?:{any_of})" if any_of else r"(?!)", re.DOTALL)
