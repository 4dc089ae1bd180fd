"""Quick writes are done on the event loop, unless they would hold it up: then they go by way of the thread."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from support.servers import until

from perdure.blocking import SqliteWriter, transaction
from perdure.contracts.errors import UnavailableError

pytestmark = pytest.mark.usefixtures("never_slow")

Work = Callable[[sqlite3.Connection], str]
LOG_PAGES = 1000
"""Of SQLite's log, before it is cleared."""


def connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE IF NOT EXISTS kept (id INTEGER PRIMARY KEY, value)")
    return connection


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept.db"


@pytest.fixture
async def writer(path: Path) -> AsyncIterator[SqliteWriter]:
    """Connected: the first call is never done at once."""
    writer = SqliteWriter(path, connect, keeper="tests")
    await writer.run(lambda _: None)
    await _next_turn()
    yield writer
    await writer.close()


async def _next_turn() -> None:
    for _ in range(5):  # the task that has written ends, too
        await asyncio.sleep(0)


def keep(value: object = "x") -> Work:
    """A write. It gives the thread on which it was done."""

    def kept(connection: sqlite3.Connection) -> str:
        with transaction(connection):
            connection.execute("INSERT INTO kept (value) VALUES (?)", (value,))
        return threading.current_thread().name

    return kept


def values(path: Path) -> list[object]:
    with closing(sqlite3.connect(path)) as connection:
        return [value for (value,) in connection.execute("SELECT value FROM kept ORDER BY id")]


HERE = threading.main_thread().name


async def test_a_quick_write_is_done_here(writer: SqliteWriter, path: Path) -> None:
    assert await writer.run(keep(), quick=True) == HERE
    assert values(path) == ["x"]


async def test_what_is_not_said_to_be_quick_goes_to_the_thread(writer: SqliteWriter) -> None:
    assert await writer.run(keep()) != HERE


async def test_the_first_one_connects_on_the_thread(path: Path) -> None:
    writer = SqliteWriter(path, connect, keeper="tests")
    assert await writer.run(keep(), quick=True) != HERE
    await writer.close()


async def test_of_one_turn_only_the_first_is_done_here_and_their_order_stays(writer: SqliteWriter, path: Path) -> None:
    done = await asyncio.gather(*(writer.run(keep(number), quick=True) for number in range(20)))
    assert [name == HERE for name in done] == [True, *[False] * 19]
    assert values(path) == [*range(20)]


async def test_none_overtakes_one_that_waits(writer: SqliteWriter, path: Path) -> None:
    slow = asyncio.create_task(writer.run(keep("slow")))
    await asyncio.sleep(0)
    quick = asyncio.create_task(writer.run(keep("quick"), quick=True))
    assert HERE not in await asyncio.gather(slow, quick)
    assert values(path) == ["slow", "quick"]


async def test_none_begins_beside_one_that_nobody_waits_for_any_more(writer: SqliteWriter, path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def held(connection: sqlite3.Connection) -> None:
        with transaction(connection):
            begun.set()
            go_on.wait(10)
            connection.execute("INSERT INTO kept (value) VALUES ('held')")

    left = asyncio.create_task(writer.run(held))
    await asyncio.to_thread(begun.wait, 10)
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)
    quick = asyncio.create_task(writer.run(keep("quick"), quick=True))
    await _next_turn()
    go_on.set()
    assert await quick != HERE
    assert values(path) == ["held", "quick"]


async def test_a_locked_file_is_waited_for_on_the_thread(writer: SqliteWriter, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        quick = asyncio.create_task(writer.run(keep("after"), quick=True))
        began = time.monotonic()
        await _next_turn()
        assert time.monotonic() - began < 1, "the event loop has waited"
        other.execute("INSERT INTO kept (value) VALUES ('before')")
        other.execute("COMMIT")
    assert await quick != HERE
    assert values(path) == ["before", "after"]
    await _next_turn()
    assert await writer.run(keep(), quick=True) == HERE


async def test_a_slow_disk_has_them_go_to_the_thread_for_a_while(
    writer: SqliteWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.blocking.haste._SLOW", 0.001)

    def slow(connection: sqlite3.Connection) -> str:
        time.sleep(0.02)
        return keep()(connection)

    assert await writer.run(slow, quick=True) == HERE
    await _next_turn()
    assert await writer.run(keep(), quick=True) != HERE

    async def is_here_again() -> bool:
        return await writer.run(keep(), quick=True) == HERE

    await until(is_here_again)


async def test_the_log_is_cleared_on_the_thread_alone(writer: SqliteWriter, path: Path) -> None:
    log, done = path.with_name(f"{path.name}-wal"), list[str]()
    while log.stat().st_size < 3 * LOG_PAGES * 4096 and len(done) < 2000:
        done.append(await writer.run(keep("x" * 20_000), quick=True))
        await _next_turn()
    assert len(done) == 2000, "the log has grown on"
    assert HERE in done


async def test_one_that_is_refused_is_an_error_of_its_own(writer: SqliteWriter, path: Path) -> None:
    def refused(connection: sqlite3.Connection) -> None:
        with transaction(connection):
            connection.execute("INSERT INTO kept (value) VALUES ('refused')")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await writer.run(refused, quick=True)
    await _next_turn()
    assert await writer.run(keep("next"), quick=True) == HERE
    assert values(path) == ["next"]


async def test_a_connection_that_has_failed_is_not_used_again(writer: SqliteWriter, path: Path) -> None:
    used: list[sqlite3.Connection] = []

    def broken(connection: sqlite3.Connection) -> None:
        used.append(connection)
        connection.execute("INSERT INTO missing VALUES (1)")

    with pytest.raises(UnavailableError, match="no such table: missing"):
        await writer.run(broken, quick=True)
    await _next_turn()
    assert await writer.run(keep("next"), quick=True) != HERE
    assert await writer.run(lambda connection: connection is used[0]) is False
    assert values(path) == ["next"]


async def test_none_is_done_after_the_end(path: Path) -> None:
    writer = SqliteWriter(path, connect, keeper="tests")
    await writer.run(keep("before"))
    await writer.close()
    with pytest.raises(RuntimeError):
        await writer.run(keep("late"), quick=True)
    assert values(path) == ["before"]
