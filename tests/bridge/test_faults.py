"""A locked, a full and an unreadable file, and cancellation in the middle of it."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Generator
from contextlib import aclosing, closing, contextmanager
from pathlib import Path

import pytest

from perdure.bridge import SqliteBridge
from perdure.bridge.conformance.probe import event, meanwhile, result, stored, take
from perdure.bridge.sqlite.file import connect_reader, connect_writer
from perdure.contracts.errors import UnavailableError


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Another connection is in the middle of a transaction."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr("perdure.blocking.sqlite_thread.BUSY_TIMEOUT", 0.3)
    return 0.3


async def test_a_locked_file_is_unavailable_until_it_is_free(
    bridge: SqliteBridge, path: Path, impatient: float
) -> None:
    await bridge.create("run")
    with locked(path):
        with pytest.raises(UnavailableError, match=r"bridge\.db cannot be used now: database is locked") as caught:
            await bridge.publish("run", [event(1, key="k")], fence=9)
        assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
        assert await bridge.last_event_id("run") == 0
    assert await bridge.publish("run", [event(1, key="k")], fence=1) == 1


async def test_a_locked_file_can_be_opened_and_read(bridge: SqliteBridge, path: Path) -> None:
    await bridge.create("run")
    await bridge.attend("run", 0)
    other = SqliteBridge(path)
    with locked(path):
        await other.start()
        assert await other.abandoned() == ["run"]
    await other.close()


async def test_a_short_lock_is_waited_for(bridge: SqliteBridge, path: Path) -> None:
    await bridge.create("run")
    with locked(path):
        task = asyncio.create_task(bridge.publish("run", [event(1)], fence=1))
        done, _ = await asyncio.wait([task], timeout=0.05)
        assert not done
    assert await task == 1


async def test_calls_that_wait_for_a_lock_fail_together(
    bridge: SqliteBridge, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Much longer than a busy machine takes to open the file again, which each of them has it do.
    patience = 1.5
    monkeypatch.setattr("perdure.blocking.sqlite_thread.BUSY_TIMEOUT", patience)
    await bridge.create("run")
    with locked(path):
        began = time.monotonic()
        calls = [bridge.publish("run", [event(n)], fence=1) for n in range(12)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert time.monotonic() - began < 6 * patience
    assert {type(found) for found in results} == {UnavailableError}


async def test_a_publish_cancelled_at_a_lock_leaves_no_lock(bridge: SqliteBridge, path: Path) -> None:
    await bridge.create("run")
    with locked(path):
        for n in range(3):
            task = asyncio.create_task(bridge.publish("run", [event(n), event(n)], fence=1))
            await asyncio.wait([task], timeout=0.01)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    await bridge.publish("run", [event("after"), event("after")], fence=1)
    # The one that had begun happens wholly; those that waited for their turn behind it don't happen.
    assert await stored(bridge, "run") == [(1, 0), (2, 0), (3, "after"), (4, "after")]
    with locked(path):
        pass


async def test_a_full_disk_is_unavailable_until_there_is_room(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = 40

    def limited(path: Path) -> sqlite3.Connection:
        connection = connect_writer(path)
        connection.execute(f"PRAGMA max_page_count={pages}")
        return connection

    monkeypatch.setattr("perdure.bridge.sqlite.bridge.connect_writer", limited)
    bridge = SqliteBridge(path)
    await bridge.start()
    await bridge.create("run")
    await bridge.publish("run", [event("a")], fence=1)
    with pytest.raises(UnavailableError, match="database or disk is full"):
        await bridge.publish("run", [event("b", key="k"), event("x" * 10**6)], fence=2)
    assert await bridge.publish("run", [event("c")], fence=1) == 2
    pages = 1000
    with pytest.raises(UnavailableError, match="database or disk is full"):
        await bridge.publish("run", [event("x" * 10**6)], fence=2)
    assert await bridge.publish("run", [event("b", key="k"), event("x" * 10**6)], fence=2) == 4
    await bridge.close()


async def test_a_watcher_that_fails_tries_again(
    bridge: SqliteBridge, peer: SqliteBridge, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failures = iter([sqlite3.OperationalError("disk I/O error")] * 2)

    def flaky(path: Path) -> sqlite3.Connection:
        for failure in failures:
            raise failure
        return connect_reader(path)

    monkeypatch.setattr("perdure.bridge.sqlite.watcher.connect_reader", flaky)
    await bridge.create("run")
    async with aclosing(bridge.subscribe("run")) as events, meanwhile(take(events, 1)) as task:
        await peer.publish("run", [event(1)], fence=1)
        assert [found.data for found in await result(task)] == [1]
    assert "disk I/O error" in caplog.text
