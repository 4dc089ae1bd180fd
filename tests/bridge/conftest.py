"""What the tests of the bridges share."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest
from support.redis_servers import KINDS, RedisServer, found

from perdure.bridge import SqliteBridge


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "bridge.db"


@pytest.fixture
async def bridge(path: Path) -> AsyncGenerator[SqliteBridge]:
    bridge = SqliteBridge(path)
    await bridge.start()
    yield bridge
    await bridge.close()


@pytest.fixture
async def peer(bridge: SqliteBridge, path: Path) -> AsyncGenerator[SqliteBridge]:
    """A second connection to the same file."""
    peer = SqliteBridge(path)
    await peer.start()
    yield peer
    await peer.close()


@pytest.fixture(scope="module", params=KINDS)
def redis_server(
    needs_server: None, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RedisServer]:
    """One of each kind, for a module."""
    folder = tmp_path_factory.mktemp(request.param)
    server = RedisServer(found(request.param, folder), folder / "files")
    server.start()
    yield server
    server.kill()
