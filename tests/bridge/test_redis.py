"""The Redis bridge keeps every promise, on Redis and on Valkey, whatever happens to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from support.proxy import Proxy
from support.redis_faults import RedisFaults
from support.redis_servers import RedisServer

from perdure.bridge.conformance.losses import seen
from perdure.bridge.conformance.probe import event, new_stream, take
from perdure.bridge.conformance.suite import BridgeConformance
from perdure.bridge.redis import RedisBridge


class TestRedisBridge(BridgeConformance):
    @pytest.fixture
    async def proxy(self, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Proxy]:
        monkeypatch.setattr("perdure.bridge.listening.POLL", 0.3)
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

    async def test_a_cancelled_publish_that_was_lost_gives_no_id_anew(
        self, bridge: RedisBridge, peer: RedisBridge, proxy: Proxy
    ) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [event(1)], fence=1)
        async with self.faults.power_cut(), aclosing(peer.subscribe(run_id)) as events:
            proxy.drops = b"$2\r\nok\r\n"  # it has happened, and its answer is on its way
            task = asyncio.create_task(bridge.publish(run_id, [event("cancelled")], fence=1))
            assert seen(await take(events, 2)) == [1, 2]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            proxy.drops = None
        assert await bridge.publish(run_id, [event("next")], fence=1) > 2

    async def test_a_text_that_cannot_be_sent_harms_nobody(self, bridge: RedisBridge) -> None:
        run_id = await new_stream(bridge)
        with pytest.raises(UnicodeEncodeError):
            await bridge.publish(run_id, [event(1, key="\ud800")], fence=1)
        assert await bridge.publish(run_id, [event(1)], fence=1) == 1
