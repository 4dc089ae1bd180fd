"""How a Postgres is reached, and one that is away, frozen, behind a pgbouncer, another one than before, or not ours."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from itertools import count

import psycopg
import pytest
from support.pgbouncer import pgbouncer
from support.postgres import PostgresServer, started_postgres
from support.proxy import Proxy
from support.servers import free_port, until

from perdure.bridge import open_bridge
from perdure.bridge.conformance.losses import publish, seen
from perdure.bridge.conformance.probe import END, event, meanwhile, new_stream, rest, result, stored, take
from perdure.bridge.postgres import PostgresBridge
from perdure.bridge.stream import LEAP
from perdure.contracts.errors import ConfigError, RunNotFoundError, UnavailableError
from perdure.contracts.settings import BridgeSettings, Settings
from perdure.runtime.doctor import check_bridge


@pytest.fixture
def server(needs_server: None) -> Iterator[PostgresServer]:
    """One that is the test's own."""
    with started_postgres() as server:
        yield server


@asynccontextmanager
async def opened(url: str, listen_url: str | None = None) -> AsyncGenerator[PostgresBridge]:
    bridge = PostgresBridge(url, listen_url=listen_url)
    await bridge.start()
    try:
        yield bridge
    finally:
        await bridge.close()


def says(url: str, *statements: str) -> list[tuple[object, ...]]:
    """What the last one gives."""
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


# Addresses.


@pytest.mark.parametrize(
    ("url", "listen_url", "text"),
    [
        ("postgresql://user:sec@ret@host/db", None, r"bridge\.url is no postgresql"),
        ("postgresql://user@host/db?sslmod=secret", None, r"bridge\.url is no postgresql"),
        ("postgresql://host/db", "postgres://user:secret@host/db", r"bridge\.listen_url is no postgresql"),
        ("postgres://user:secret@host/db", None, "did you mean 'postgresql'"),
    ],
)
def test_wrong_addresses_are_refused_without_their_passwords(url: str, listen_url: str | None, text: str) -> None:
    with pytest.raises(ConfigError, match=text) as caught:
        open_bridge(url, listen_url=listen_url)
    assert "secret" not in str(caught.value)
    assert "ret@" not in str(caught.value)


def test_only_postgres_is_listened_to() -> None:
    with pytest.raises(ValueError, match="listen_url is set, and url is no postgresql"):
        BridgeSettings(url="redis://host", listen_url="postgresql://host/db")


def test_the_library_is_needed_only_for_it() -> None:
    program = """
import sys
sys.modules["psycopg"] = None
from perdure.bridge import open_bridge
open_bridge("memory://")
try:
    open_bridge("postgresql://u:secret@host/db")
except Exception as exc:
    print(type(exc).__name__, exc)
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    assert "ConfigError bridge.url" in done.stdout
    assert 'pip install "perdure[postgres]"' in done.stdout
    assert "secret" not in done.stdout


async def test_no_server_is_said_at_once() -> None:
    url = f"postgresql://user:secret@127.0.0.1:{free_port()}/db"
    with pytest.raises(UnavailableError, match=r"the bridge at postgresql://user@127.* cannot be used now") as caught:
        await open_bridge(url).start()
    assert "secret" not in str(caught.value)


async def test_the_doctor_shows_no_password(postgres_url: str) -> None:
    url = postgres_url.replace("postgres@", "postgres:secret@")
    check = await check_bridge(Settings(bridge=BridgeSettings(url=url)))
    assert (check.level, check.detail) == ("ok", postgres_url.replace("postgres@", "postgres:***@"))


# Tables.


async def test_many_may_make_the_tables_at_once(postgres_url: str) -> None:
    bridges = [PostgresBridge(postgres_url) for _ in range(4)]
    await asyncio.gather(*(bridge.start() for bridge in bridges))
    run_id = await new_stream(bridges[0])
    last_ids = await asyncio.gather(*(bridge.publish(run_id, [event(1)], fence=1) for bridge in bridges))
    assert sorted(last_ids) == [1, 2, 3, 4]
    assert await bridges[1].losses() is None
    await asyncio.gather(*(bridge.close() for bridge in bridges))


async def test_a_newer_version_is_refused(postgres_url: str) -> None:
    async with opened(postgres_url):
        says(postgres_url, "INSERT INTO perdure_stream_migrations SELECT max(v) + 1 FROM perdure_stream_migrations")
    with pytest.raises(ConfigError, match="made by a newer version of Perdure"):
        await PostgresBridge(postgres_url).start()


async def test_a_closed_bridge_can_be_started_again(postgres_url: str) -> None:
    async with opened(postgres_url) as bridge:
        run_id = await new_stream(bridge)
        await bridge.close()
        await bridge.start()
        await bridge.start()
        assert await bridge.publish(run_id, [event(1)], fence=1) == 1


async def test_a_cleanup_in_the_midst_of_writers_leaves_nothing(postgres_url: str) -> None:
    async def write(writer: PostgresBridge, run_id: str) -> None:
        with suppress(RunNotFoundError):
            for n in count():
                await writer.publish(run_id, [event(n, key=f"{n}")] * 3, fence=1)

    async with opened(postgres_url) as bridge, opened(postgres_url) as peer:
        for _ in range(10):
            run_id = await new_stream(bridge)
            async with asyncio.TaskGroup() as writing:
                writing.create_task(write(peer, run_id))
                await publish(bridge, run_id, [event(n) for n in range(20)])
                await bridge.trim(run_id, before=15)
                await bridge.cleanup(run_id)
    left = "SELECT (SELECT count(*) FROM perdure_stream_events), (SELECT count(*) FROM perdure_stream_keys)"
    assert says(postgres_url, left) == [(0, 0)]


# A pgbouncer.


@pytest.fixture
def lazy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks only because nothing was told looks too late for these tests."""
    monkeypatch.setattr("perdure.bridge.listening.POLL", 60.0)


@pytest.mark.usefixtures("lazy")
async def test_a_pgbouncer_may_stand_before_it(postgres: PostgresServer, postgres_url: str) -> None:
    with pgbouncer(postgres, postgres_url, "transaction") as url:
        async with opened(url, postgres_url) as bridge, opened(url, postgres_url) as peer:
            await _assert_told(bridge, peer)
            runs = [await new_stream(bridge) for _ in range(10)]
            calls = [one.publish(run_id, [event(1)], fence=1) for run_id in runs for one in (bridge, peer)]
            assert sorted(await asyncio.gather(*calls)) == [1] * 10 + [2] * 10


@pytest.mark.usefixtures("lazy")
async def test_who_hears_nothing_through_a_pgbouncer_looks_often(
    postgres: PostgresServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("perdure.bridge.postgres.listener._PROOF", 0.2)
    with pgbouncer(postgres, postgres_url, "transaction") as url:
        async with opened(url) as bridge, opened(url) as peer:
            await until(lambda: caplog.text.count("set bridge.listen_url to the server itself") == 2)
            await _assert_told(bridge, peer)


async def _assert_told(bridge: PostgresBridge, peer: PostgresBridge) -> None:
    run_id = await new_stream(bridge)
    async with aclosing(peer.subscribe(run_id)) as events:
        for n in range(5):
            async with meanwhile(take(events, 1)) as live:
                await bridge.publish(run_id, [event(n)], fence=1)
                assert [found.data for found in await result(live)] == [n]


# Servers that go, come back, or are others.


async def test_a_server_that_stays_away_is_unavailable_until_it_comes_back(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(server.url().replace("postgres@", "postgres:secret@")) as bridge:
        run_id = await new_stream(bridge)
        async with aclosing(bridge.subscribe(run_id)) as events, meanwhile(rest(events)) as waiting:
            await asyncio.sleep(0.05)
            server.stop()
            monkeypatch.setattr("perdure.bridge.line.PATIENCE", 0.2)
            monkeypatch.setattr("perdure.bridge.postgres.reads._PATIENCE", 0.2)
            monkeypatch.setattr("perdure.blocking.postgres_calls._QUEUE", 0.2)
            calls = [
                bridge.publish(run_id, [event("a")], fence=1),
                bridge.cancel(run_id),
                bridge.attend(run_id, 1.0),
            ]
            for said in await asyncio.gather(*calls, return_exceptions=True):
                assert isinstance(said, UnavailableError), said
                assert "cannot be used now" in str(said)
                assert "secret" not in str(said)
            await asyncio.to_thread(server.start)
            assert await publish(bridge, run_id, [event("a")]) == 1
            await bridge.publish_terminal(run_id, END, fence=1)
            assert seen(await result(waiting)) == [1, 2]


async def test_what_a_frozen_server_was_sent_happens_once(
    postgres: PostgresServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in {"postgres.link.ANSWER_TIMEOUT": 0.2, "line.PATIENCE": 0.3}.items():
        monkeypatch.setattr(f"perdure.bridge.{name}", seconds)
    server = f"127.0.0.1:{postgres.port}"
    async with Proxy(server) as proxy, opened(postgres_url.replace(server, proxy.address)) as bridge:
        runs = [await new_stream(bridge) for _ in range(2)]
        proxy.drops = b'{"ok '
        first = [event(n) for n in range(3)]
        for call in [bridge.publish(run_id, first, fence=1) for run_id in runs]:
            with pytest.raises(UnavailableError):
                await call
        proxy.drops = None
        assert await publish(bridge, runs[0], first) == 3, "the same again"
        assert await publish(bridge, runs[1], [event("other")]) == 4
        assert [data for _, data in await stored(bridge, runs[0])] == [0, 1, 2]


async def test_a_crash_loses_nothing_that_was_told(server: PostgresServer) -> None:
    """Also where the database is set to lose it."""
    says(
        server.url(),
        "ALTER SYSTEM SET wal_writer_delay = '10s'",
        "ALTER DATABASE postgres SET synchronous_commit = off",
        "SELECT pg_reload_conf()",
    )
    async with opened(server.url()) as bridge:
        run_id = await new_stream(bridge)
        for n in range(1, 6):
            assert await bridge.publish(run_id, [event(n)], fence=1) == n
        await asyncio.to_thread(server.stop, signal.SIGQUIT)
        await asyncio.to_thread(server.start)
        assert await bridge.last_event_id(run_id) == 5
        assert await bridge.publish(run_id, [event(6)], fence=1) == 6
        assert await bridge.losses() is None


async def test_a_failover_is_noticed(server: PostgresServer) -> None:
    """What a standby does that takes over: it goes on in a timeline of its own."""
    says(server.url(), "ALTER SYSTEM SET restore_command = 'false'")
    async with opened(server.url()) as bridge, opened(server.url()) as peer:
        run_id, other = await new_stream(bridge), await new_stream(bridge)
        assert await bridge.publish(run_id, [event(1)], fence=1) == 1
        await bridge.publish(other, [event(1)], fence=1)
        await asyncio.to_thread(server.stop)
        server.promote_at_next_start()
        await asyncio.to_thread(server.start)
        lost = await bridge.losses()
        assert lost is not None
        assert await publish(bridge, run_id, [event(2)]) == 2, "it was told the last id"
        assert await publish(peer, other, [event(2)], fence=2) == LEAP + 2, "it cannot know"
        await peer.mended(lost)
        assert await bridge.losses() is None
