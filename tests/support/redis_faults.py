"""What may happen to a Redis: done to the real one, and to what passes through a proxy before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from perdure.bridge.conformance import Faults
from perdure.bridge.contract import Bridge

from .proxy import Proxy
from .redis_servers import RedisServer

_PUBLISHED = b"$2\r\nok\r\n"
_TOLD = b"$7\r\nmessage\r\n"


class RedisFaults(Faults):
    """`proxy`: before the first handle."""

    def __init__(self, server: RedisServer, proxy: Proxy | None = None) -> None:
        self._server = server
        self._proxy = proxy

    @asynccontextmanager
    async def lost_answers(self, bridge: Bridge) -> AsyncGenerator[None]:
        assert self._proxy is not None
        self._proxy.cut_at = _PUBLISHED
        yield
        assert self._proxy.cut_at is None, "no answer was lost"

    @asynccontextmanager
    async def power_cut(self) -> AsyncGenerator[None]:
        written = self._server.written()
        yield
        await asyncio.to_thread(self._server.lose, written)

    @asynccontextmanager
    async def deafness(self, bridge: Bridge) -> AsyncGenerator[None]:
        assert self._proxy is not None
        self._proxy.drops = _TOLD
        yield
        self._proxy.drops = None

    async def restart(self) -> None:
        await asyncio.to_thread(self._server.restart)

    async def remove(self, run_id: str, first: int, last: int) -> None:
        async with Redis.from_url(self._server.url) as client:
            gone = await client.xdel(f"perdure:{{{run_id}}}:events", *(f"{id}-0" for id in range(first, last + 1)))
        assert gone == last + 1 - first
