"""How much of a gateway one user may have: requests a second, and streams that are open."""

from __future__ import annotations

import math
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from .access_rules import Rule
from .callers import current_caller
from .long_answers import surround
from .mounting import match_of
from .replies import Json
from .sockets import refused_socket

_MOST = 100_000
"""Users that are remembered. Who is forgotten begins anew."""
_AGAIN = 5
"""Seconds after which it may be tried again to open a stream: when one ends, nobody knows."""


class Pace:
    """Requests of each user, by the leaky bucket that is known as GCRA: a user is one moment."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._interval = 1 / per_second
        self._tolerance = (burst - 1) * self._interval
        self._due: OrderedDict[str, float] = OrderedDict()

    def wait(self, user: str, now: float) -> float:
        """Seconds after which the user may ask again; 0: now, which counts."""
        due = max(self._due.get(user, now), now)
        early = due - self._tolerance - now
        if early > 0:
            return early
        self._due[user] = due + self._interval
        self._due.move_to_end(user)
        if len(self._due) > _MOST:
            self._due.popitem(last=False)
        return 0.0


class Limited:
    """429 for who has had enough. Without users it is the address that counts."""

    def __init__(self, app: ASGIApp, *, per_second: float | None, burst: int, open_streams: int | None) -> None:
        self._app = app
        self._pace = None if per_second is None else Pace(per_second, burst)
        self._most = open_streams
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match = match_of(scope) if scope["type"] in ("http", "websocket") else None
        if match is None or match.rule.is_open:
            await self._app(scope, receive, send)
            return
        user = _user(scope)
        refused = self._refused(match.rule, user)
        if refused is not None:
            await _answer(refused, scope, receive, send)
            return
        if not match.rule.is_long:
            await self._app(scope, receive, send)
            return
        async with self._opened(user):
            await self._app(scope, receive, send)
        surround(scope, partial(self._opened, user))

    def _refused(self, rule: Rule, user: str) -> Json | None:
        seconds = 0.0 if self._pace is None else self._pace.wait(user, time.monotonic())
        if seconds > 0:
            return _too_many("too many requests (the setting gateway.requests_per_second)", seconds)
        if rule.is_long and self._most is not None and self._open[user] >= self._most:
            return _too_many(f"{self._most} streams are open, which is the limit (gateway.open_streams)", _AGAIN)
        return None

    @asynccontextmanager
    async def _opened(self, user: str) -> AsyncGenerator[None]:
        self._open[user] += 1
        try:
            yield
        finally:
            self._open[user] -= 1
            if not self._open[user]:
                del self._open[user]


async def _answer(refused: Json, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await refused(scope, receive, send)
    else:
        await refused_socket(HTTPException(refused.status_code, "Too Many Requests"), receive, send)


def _user(scope: Scope) -> str:
    caller = current_caller()
    client = scope.get("client")
    return f"user {caller.actor.user_id}" if caller is not None else f"address {client[0] if client else ''}"


def _too_many(detail: str, seconds: float) -> Json:
    return Json({"detail": detail}, status_code=429, headers={"Retry-After": str(math.ceil(seconds))})
