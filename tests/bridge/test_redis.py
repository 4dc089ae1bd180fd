"""The Redis bridge keeps every promise, on Redis and on Valkey, whatever happens to them."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
from support.proxy import Proxy
from support.redis_faults import RedisFaults
from support.redis_servers import RedisServer

from perdure.bridge.conformance.suite import BridgeConformance
from perdure.bridge.redis import RedisBridge


class TestRedisBridge(BridgeConformance):
    @pytest.fixture
    async def proxy(self, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Proxy]:
        monkeypatch.setattr("perdure.bridge.redis.listener.POLL", 0.3)
        async with Proxy(redis_server.address) as proxy:
            self.faults = RedisFaults(redis_server, proxy)
            yield proxy

    @pytest.fixture
    async def bridge(self, proxy: Proxy) -> AsyncGenerator[RedisBridge]:
        bridge = RedisBridge(f"redis://{proxy.address}")
        await bridge.start()
        yield bridge
        await bridge.close()

    @pytest.fixture
    async def peer(self, bridge: RedisBridge, redis_server: RedisServer) -> AsyncGenerator[RedisBridge]:
        peer = RedisBridge(redis_server.url)
        await peer.start()
        yield peer
        await peer.close()
