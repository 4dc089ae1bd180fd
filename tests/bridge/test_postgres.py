"""The Postgres bridge keeps every promise, whatever happens to the server."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator

import pytest
from support.postgres import PostgresServer, database_of, started_postgres
from support.postgres_faults import PostgresFaults
from support.proxy import Proxy

from perdure.bridge.conformance.probe import event, new_stream
from perdure.bridge.conformance.suite import BridgeConformance
from perdure.bridge.postgres import PostgresBridge


@pytest.fixture(scope="module")
def server(needs_server: None) -> Iterator[PostgresServer]:
    """One that is restarted under nobody else."""
    with started_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def url(server: PostgresServer) -> Iterator[str]:
    with database_of(server) as url:
        yield url


class TestPostgresBridge(BridgeConformance):
    @pytest.fixture
    async def proxy(self, server: PostgresServer, url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Proxy]:
        monkeypatch.setattr("perdure.bridge.listening.POLL", 0.3)
        async with Proxy(f"127.0.0.1:{server.port}") as proxy:
            self.faults = PostgresFaults(server, url, proxy)
            yield proxy

    @pytest.fixture
    async def bridge(self, proxy: Proxy, server: PostgresServer, url: str) -> AsyncGenerator[PostgresBridge]:
        bridge = PostgresBridge(url.replace(f"127.0.0.1:{server.port}", proxy.address))
        await bridge.start()
        yield bridge
        await bridge.close()

    @pytest.fixture
    async def peer(self, bridge: PostgresBridge, url: str) -> AsyncGenerator[PostgresBridge]:
        peer = PostgresBridge(url)
        await peer.start()
        yield peer
        await peer.close()

    async def test_a_text_that_cannot_be_sent_harms_nobody(self, bridge: PostgresBridge) -> None:
        run_id = await new_stream(bridge)
        with pytest.raises(UnicodeEncodeError):
            await bridge.publish(run_id, [event(1, key="\ud800")], fence=1)
        with pytest.raises(UnicodeEncodeError):
            await bridge.cancel("\ud800")
        assert await bridge.publish(run_id, [event(1)], fence=1) == 1
