"""What lies in the file, and which files are refused."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import aclosing, closing
from pathlib import Path

import pytest

from perdure.bridge import SqliteBridge
from perdure.bridge.conformance.probe import END, event, stored, take
from perdure.contracts.errors import ConfigError, FencedError, UnavailableError
from perdure.contracts.types import Stop


def ask(path: Path, statement: str) -> object:
    """The one value that the statement gives."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        row = connection.execute(statement).fetchone()
    return None if row is None else row[0]


async def refuses(path: Path, kind: type[Exception], text: str) -> None:
    bridge = SqliteBridge(path)
    with pytest.raises(kind, match=text):
        await bridge.start()
    with pytest.raises(UnavailableError, match="not open"):
        await bridge.last_event_id("run")


async def test_a_new_bridge_makes_folder_and_file(bridge: SqliteBridge, path: Path) -> None:
    assert ask(path, "PRAGMA user_version") == 1
    assert ask(path, "PRAGMA journal_mode") == "wal"


async def test_an_empty_file_becomes_a_bridge(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    bridge = SqliteBridge(path)
    await bridge.start()
    await bridge.create("run")
    await bridge.publish("run", [event("a")], fence=1)
    await bridge.close()


async def test_many_may_make_the_file_at_once(path: Path) -> None:
    bridges = [SqliteBridge(path) for _ in range(16)]
    await asyncio.gather(*(bridge.start() for bridge in bridges))
    await bridges[0].create("run")
    last_ids = await asyncio.gather(*(bridge.publish("run", [event(1)], fence=1) for bridge in bridges))
    assert sorted(last_ids) == list(range(1, 17))
    await asyncio.gather(*(bridge.close() for bridge in bridges))


async def test_all_is_there_after_a_restart(bridge: SqliteBridge, path: Path) -> None:
    await bridge.create("run")
    await bridge.publish("run", [event("a", key="k")], fence=7)
    await bridge.cancel("run")
    await bridge.close()
    again = SqliteBridge(path)
    await again.start()
    assert await again.stop_requested("run") is Stop.NOW
    with pytest.raises(FencedError):
        await again.publish("run", [event("b")], fence=6)
    assert await again.publish("run", [event("a", key="k"), event("c")], fence=7) == 2
    assert await stored(again, "run") == [(1, "a"), (2, "c")]
    await again.close()


async def test_a_closed_bridge_can_be_started_again(bridge: SqliteBridge) -> None:
    await bridge.create("run")
    await bridge.publish("run", [event("a")], fence=1)
    await bridge.close()
    await bridge.start()
    await bridge.start()
    assert await stored(bridge, "run") == [(1, "a")]


async def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    bridge = SqliteBridge(path)
    await bridge.start()
    await bridge.close()
    ask(path, "PRAGMA user_version=2")
    await refuses(path, ConfigError, r"newer Perdure \(format 2, this one knows 1\)")


async def test_another_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    ask(path, "CREATE TABLE mine (x)")
    before = path.read_bytes()
    await refuses(path, ConfigError, "not a bridge")
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("dear diary, " * 1000)
    await refuses(path, ConfigError, "not a SQLite database")


async def test_a_place_where_no_file_can_be_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    await refuses(tmp_path, UnavailableError, "unable to open")
    await refuses(tmp_path / "file" / "bridge.db", UnavailableError, "cannot be used now")


async def test_a_path_may_hold_odd_characters(tmp_path: Path) -> None:
    path = tmp_path / "a b#c%20?é" / "bridge.db"
    bridge = SqliteBridge(path)
    await bridge.start()
    await bridge.create("run")
    await bridge.publish("run", [event("a")], fence=1)
    assert await stored(bridge, "run") == [(1, "a")]
    await bridge.close()
    assert path.exists()


async def test_the_keys_go_with_the_terminal_event(bridge: SqliteBridge, path: Path) -> None:
    await bridge.create("run")
    await bridge.publish("run", [event(n, key=str(n)) for n in range(3)], fence=1)
    assert ask(path, "SELECT count(*) FROM keys") == 3
    await bridge.publish_terminal("run", END, fence=1)
    assert ask(path, "SELECT count(*) FROM keys") == 0


async def test_a_file_from_before_leases_gets_them(bridge: SqliteBridge, path: Path) -> None:
    await bridge.create("run")
    await bridge.close()
    ask(path, "DROP TABLE leases")
    await bridge.start()
    await bridge.attend("run", 0)
    assert await bridge.abandoned() == ["run"]


async def test_leases_of_before_a_restart_of_the_machine_have_run_out(
    bridge: SqliteBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bridge.create("run")
    await bridge.attend("run", 3600)
    assert await bridge.abandoned() == []
    # The clock counts from the start of the machine: it is smaller than it was when the lease was given.
    monkeypatch.setattr("perdure.bridge.sqlite.leases.time.monotonic", lambda: 5.0)
    assert await bridge.abandoned() == ["run"]
    await bridge.attend("run", 3600)
    assert await bridge.abandoned() == []


async def test_the_lease_goes_with_the_terminal_event(bridge: SqliteBridge, path: Path) -> None:
    await bridge.create("run")
    await bridge.attend("run", 3600)
    assert ask(path, "SELECT count(*) FROM leases") == 1
    await bridge.publish_terminal("run", END, fence=1)
    assert ask(path, "SELECT count(*) FROM leases") == 0


async def test_cleanup_leaves_no_rows(bridge: SqliteBridge, path: Path) -> None:
    await bridge.create("run")
    await bridge.create("other")
    await bridge.publish("other", [event(1, key="k")], fence=1)
    await bridge.publish("run", [event(n, key=str(n)) for n in range(3)], fence=1)
    await bridge.attend("run", 3600)
    await bridge.attend("other", 3600)
    await bridge.cleanup("run")
    for table in ("streams", "events", "keys", "leases"):
        assert ask(path, f"SELECT count(*) FROM {table}") == 1


async def test_a_slow_reader_holds_no_snapshot(bridge: SqliteBridge, path: Path) -> None:
    await bridge.create("run")
    await bridge.publish("run", [event("x" * 10_000)] * 1000, fence=1)
    async with aclosing(bridge.subscribe("run")) as events:
        await take(events, 1)
        await bridge.publish("run", [event("x")], fence=1)
        # The log can be emptied only when nobody reads from it.
        assert ask(path, "PRAGMA wal_checkpoint(TRUNCATE)") == 0
        assert path.with_name("bridge.db-wal").stat().st_size == 0
