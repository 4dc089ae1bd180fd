"""Streams in Redis as rows: what they hold is in them, whatever lay there before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from support.redis_servers import RedisServer, any_server

from perdure.blocking.table_shelf import PAGE, engine_at
from perdure.bridge import Bridge, NewEvent, SqliteBridge
from perdure.bridge.copying import StreamsPlace, streams_at
from perdure.bridge.redis import RedisBridge
from perdure.contracts.types import Stop
from perdure.runtime.copied import compare, make_equal

pytestmark = pytest.mark.usefixtures("needs_server")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with any_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
async def url(server: RedisServer, tmp_path: Path) -> str:
    return f"{server.url}?prefix={tmp_path.name}"


@pytest.fixture
async def written(tmp_path: Path) -> Path:
    """A file of streams: long ones, large ones, empty ones, one that was trimmed, one that has ended."""
    bridge = SqliteBridge(tmp_path / "bridge.db")
    await bridge.start()
    for run_id in ("long", "large", "trimmed", "ended", *(f"empty-{number}" for number in range(45))):
        await bridge.create(run_id)
    for number in range(3):
        many = [NewEvent("custom", b"%d" % at, f"{number} {at} \n") for at in range(PAGE)]
        await bridge.publish("long", many, fence=2**62 + number)
    await bridge.publish("large", [NewEvent("updates|\u00e9", b"x" * 700_000) for _ in range(5)], fence=1)
    await bridge.publish("trimmed", [NewEvent("custom", b"1") for _ in range(10)], fence=1)
    await bridge.trim("trimmed", before=8)
    await bridge.cancel("trimmed", stop=Stop.NOW)
    await bridge.publish("ended", [NewEvent("custom", b"1", "key")], fence=1)
    await bridge.publish_terminal("ended", NewEvent("end", b"null"), fence=2)
    await bridge.close()
    return tmp_path / "bridge.db"


async def equal(source: StreamsPlace, target: StreamsPlace) -> list[int]:
    """Make them so; how many rows of each kind that wrote."""
    pairs = [*zip(source.shelves(target), target.shelves(source), strict=True)]
    counts = [await make_equal(one, other, lambda _, __: None) for one, other in pairs]
    for one, other in (*pairs, *((other, one) for one, other in pairs)):
        compared = await compare(one, other)
        assert compared.equal, compared
    return counts


async def whole(bridge: Bridge, run_id: str) -> list[tuple[str | None, str]]:
    last = await bridge.last_event_id(run_id)
    async with asyncio.timeout(20):
        found: list[tuple[str | None, str]] = []
        async for event in bridge.subscribe(run_id):
            found.append((event.id, event.event))
            if event.id == str(last):
                break
    return found


async def test_there_and_back(written: Path, url: str, tmp_path: Path) -> None:
    one, two = f"sqlite:///{written}", f"sqlite:///{tmp_path}/back.db"
    for bridge in (back := SqliteBridge(tmp_path / "back.db"), there := RedisBridge(url)):
        await bridge.start()
    with engine_at("bridge.url", one) as source, engine_at("bridge.url", two) as target:
        async with streams_at(one, source) as files, streams_at(two, target) as others, streams_at(url, None) as redis:
            assert await equal(files, redis) == [49, 3 * PAGE + 5 + 3 + 2, 3 * PAGE]
            assert await equal(files, redis) == [0, 0, 0]
            assert await equal(redis, others) == [49, 3 * PAGE + 5 + 3 + 2, 3 * PAGE]
    for bridge in (back, there):
        assert [id for id, _ in await whole(bridge, "long")] == [str(id) for id in range(1, 3 * PAGE + 1)]
        assert await whole(bridge, "trimmed") == [("7", "gap"), ("8", "custom"), ("9", "custom"), ("10", "custom")]
        assert await whole(bridge, "ended") == [("1", "custom"), ("2", "end")]
        assert await bridge.stop_requested("trimmed") is Stop.NOW
        # It goes on where it was: the next id, and what came before does not come again.
        again = [NewEvent("custom", b"0", "2 0 \n"), NewEvent("custom", b"new", "new")]
        assert await bridge.publish("long", again, fence=2**62 + 2) == 3 * PAGE + 1
        await bridge.close()


async def test_whatever_lies_there_becomes_the_same(written: Path, url: str, server: RedisServer) -> None:
    one, prefix = f"sqlite:///{written}", url.rpartition("=")[2]
    with engine_at("bridge.url", one) as source, redis.Redis.from_url(server.url) as client:
        async with streams_at(one, source) as files, streams_at(url, None) as there:
            await equal(files, there)
            client.xdel(f"{prefix}:{{large}}:events", "2-0")
            client.xadd(f"{prefix}:{{ended}}:events", {"e": "x", "d": "1"}, id="9-0")
            client.srem(f"{prefix}:{{long}}:keys", "=0 0 \n")
            client.sadd(f"{prefix}:{{large}}:keys", "=other")
            client.hset(f"{prefix}:{{long}}", "last", "7")
            client.hset(f"{prefix}:{{other}}", mapping={**client.hgetall(f"{prefix}:{{long}}")})
            client.hset(f"{prefix}:{{other}}", "number", "77")
            client.xadd(f"{prefix}:{{other}}:events", {"e": "x", "d": "1"}, id="1-0")
            assert await equal(files, there) == [1, 1, 1]
        assert not [*client.scan_iter(f"{prefix}:{{other}}*")]
