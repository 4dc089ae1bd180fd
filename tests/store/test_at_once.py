"""What is quick is done on the event loop, unless it would hold it up: then it goes by way of a thread, as all else."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from support.servers import until

from perdure.contracts.errors import UnavailableError
from perdure.store.database import Database

pytestmark = pytest.mark.usefixtures("never_slow")

HERE = threading.main_thread().name
ROW = text("INSERT INTO kept (value) VALUES (:value)")


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url, lock_timeout=10)
    await database.open()
    await database.write(
        lambda connection: connection.execute(text("CREATE TABLE kept (id INTEGER PRIMARY KEY, value)"))
    )
    yield database
    await database.close()


def keep(value: str = "x") -> Callable[[Connection], str]:
    """A write. It gives the thread on which it was done."""

    def kept(connection: Connection) -> str:
        connection.execute(ROW, {"value": value})
        return threading.current_thread().name

    return kept


def values(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [value for (value,) in connection.execute("SELECT value FROM kept ORDER BY id")]


def where(_: Connection) -> str:
    return threading.current_thread().name


async def test_what_is_quick_is_done_here(database: Database, path: Path) -> None:
    assert await database.write(keep(), quick=True) == HERE
    assert await database.read(where, quick=True) == HERE
    assert values(path) == ["x"]


async def test_what_is_not_said_to_be_quick_goes_to_a_thread(database: Database) -> None:
    assert HERE not in (await database.write(keep()), await database.read(where))


async def test_a_write_does_not_overtake_the_one_before(database: Database, path: Path) -> None:
    began, goes_on = threading.Event(), threading.Event()

    def slow(connection: Connection) -> str:
        began.set()
        goes_on.wait(10)
        return keep("first")(connection)

    first = asyncio.create_task(database.write(slow))
    await until(began.is_set)
    second = asyncio.create_task(database.write(keep("second"), quick=True))
    assert await database.read(where, quick=True) == HERE, "who reads waits for no writer"
    goes_on.set()
    await first
    assert await second != HERE
    assert values(path) == ["first", "second"]


async def test_another_process_in_the_way_is_waited_for_on_a_thread(database: Database, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert await database.read(where, quick=True) == HERE
    waiting = asyncio.create_task(database.write(keep(), quick=True))
    began = time.monotonic()
    await asyncio.sleep(0)
    assert time.monotonic() - began < 1, "the event loop has waited"
    other.execute("COMMIT")
    other.close()
    assert await waiting != HERE
    assert values(path) == ["x"]
    assert await database.write(keep(), quick=True) == HERE


@pytest.mark.parametrize("error", [ValueError("no"), sqlite3.OperationalError("no")])
async def test_one_that_fails_leaves_nothing_and_nobody_in_the_way(
    database: Database, path: Path, error: Exception
) -> None:
    def fails(connection: Connection) -> None:
        keep()(connection)
        raise error

    with pytest.raises(type(error), match="no"):
        await database.write(fails, quick=True)
    assert await database.write(keep("later"), quick=True) == HERE
    assert values(path) == ["later"]


async def test_a_broken_connection_is_made_anew(database: Database) -> None:
    with pytest.raises(UnavailableError, match="cannot be used now"):
        await database.read(lambda connection: connection.execute(text("SELECT * FROM missing")), quick=True)
    assert await database.read(where, quick=True) == HERE


async def test_while_it_is_slow_nothing_is_done_here(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(connection: Connection) -> str:
        time.sleep(0.02)
        return where(connection)

    monkeypatch.setattr("perdure.blocking.haste._SLOW", 0.001)
    assert await database.read(slow, quick=True) == HERE
    assert await database.read(where, quick=True) != HERE
    assert await database.write(keep(), quick=True) != HERE
    later = time.monotonic() + 1.1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert await database.read(where, quick=True) == HERE


async def test_now_and_then_one_goes_to_the_thread_which_clears_the_log(database: Database, path: Path) -> None:
    done = [await database.write(keep("x" * 5000), quick=True) for _ in range(600)]
    for first in range(500):
        assert any(thread != HERE for thread in done[first : first + 101])
    pages = path.with_name(f"{path.name}-wal").stat().st_size / 4096
    assert pages < 2500, "SQLite's log has grown and grown"


async def test_none_is_done_after_the_end(database: Database, path: Path) -> None:
    await database.write(keep(), quick=True)
    await database.close()
    for call in (database.read, database.write):
        with pytest.raises(UnavailableError, match="not open"):
            await call(where, quick=True)
    assert not path.with_name(f"{path.name}-wal").exists(), "somebody has the file open still"
