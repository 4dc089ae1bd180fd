"""Errors of the database become `UnavailableError`; mistakes of ours stay visible."""

from __future__ import annotations

import asyncio
import sqlite3
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event, exc

from perdure.contracts.errors import UnavailableError
from perdure.contracts.types import RunRecord, RunSpec, RunStatus
from perdure.store import RunEnding, SqlStore, open_store
from perdure.store.database import Database
from perdure.store.sqlite import SqliteDialect

Make = Callable[..., RunRecord]
Draft = Callable[..., Awaitable[RunRecord]]


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url, lock_timeout=0.05)
    await database.open()
    yield database
    await database.close()


def _wrapped(kind: type[exc.DBAPIError]) -> exc.DBAPIError:
    return kind("SELECT 'a prompt'", None, sqlite3.Error("the cause"))


@pytest.mark.parametrize(
    "error",
    [
        _wrapped(exc.OperationalError),
        _wrapped(exc.InterfaceError),
        _wrapped(exc.InternalError),
        _wrapped(exc.DatabaseError),
        _wrapped(exc.DBAPIError),
        exc.TimeoutError("the cause"),
        OSError("the cause"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_repeating_may_cure_is_unavailable(database: Database, error: Exception) -> None:
    def work(_connection: Connection) -> None:
        raise error

    for call in (database.read, database.write):
        with pytest.raises(UnavailableError, match="the cause") as caught:
            await call(work)
        assert caught.value.__cause__ is error
        assert str(database) in str(caught.value)
        assert "a prompt" not in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        _wrapped(exc.IntegrityError),
        _wrapped(exc.ProgrammingError),
        _wrapped(exc.DataError),
        _wrapped(exc.NotSupportedError),
        exc.InvalidRequestError("the cause"),
        RuntimeError("the cause"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_mistake_of_ours_is_not_hidden(database: Database, error: Exception) -> None:
    def work(_connection: Connection) -> None:
        raise error

    with pytest.raises(type(error), match="the cause") as caught:
        await database.write(work)
    assert caught.value is error


@pytest.mark.parametrize(
    ("failures", "passes"),
    [
        ("busy busy lost", True),
        ("lost busy", True),
        ("lost lost", False),
        ("busy lost lost", False),
        ("other", False),
    ],
)
async def test_a_busy_database_is_waited_for_and_a_lost_connection_made_once_more(
    url: str, monkeypatch: pytest.MonkeyPatch, failures: str, passes: bool
) -> None:
    def is_busy(_: SqliteDialect, error: exc.OperationalError) -> bool:
        return str(error.orig) == "busy"

    def was_lost_before(_: SqliteDialect, error: exc.OperationalError, *, reads: bool) -> bool:
        return str(error.orig) == "lost"

    left = iter(failures.split())

    def work(_: Connection) -> str:
        for failure in left:
            raise exc.OperationalError("SELECT 1", None, sqlite3.OperationalError(failure))
        return "done"

    database = Database(url, lock_timeout=10)
    await database.open()
    monkeypatch.setattr(SqliteDialect, "is_busy", is_busy)
    monkeypatch.setattr(SqliteDialect, "was_lost_before", was_lost_before)
    if passes:
        assert await database.write(work) == "done"
    else:
        with pytest.raises(UnavailableError, match=failures.split()[-1]):
            await database.write(work)
    assert list(left) == []
    await database.close()


async def test_a_locked_database_is_unavailable_to_every_write(
    draft: Draft, impatient: SqlStore, make_record: Make, spec: RunSpec, path: Path
) -> None:
    await draft()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for call in (
        impatient.create(make_record("other"), spec),
        impatient.mark_submitted("run"),
        impatient.mark_running("run", fence=1, attempt=1),
        impatient.mark_awaiting("run", fence=1, steps=1, interrupts=[], values=None),
        impatient.finish("run", RunEnding(RunStatus.SUCCESS, 1), fence=1),
        impatient.discard("run", taken_up=datetime.now(UTC)),
        impatient.delete("run"),
        impatient.abandon_temporal("a"),
    ):
        with pytest.raises(UnavailableError, match="locked"):
            await call
    other.execute("ROLLBACK")
    assert (await impatient.mark_running("run", fence=1, attempt=1)).status == RunStatus.RUNNING
    other.close()


async def test_those_who_queue_behind_a_lock_give_up_together(draft: Draft, impatient: SqlStore, path: Path) -> None:
    await draft()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    calls = (impatient.mark_running("run", fence=1, attempt=1) for _ in range(5))
    errors = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(error) for error in errors] == [UnavailableError] * 5
    assert ["waited" in str(error) for error in errors] == [False, True, True, True, True]
    other.close()


async def test_readers_do_not_wait_for_a_writer(store: SqlStore, draft: Draft, path: Path) -> None:
    await draft()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("UPDATE runs SET steps = 5")
    stored = await store.get("run")
    assert stored is not None
    assert stored.record.steps == 0
    other.close()


async def test_a_write_waits_for_a_lock_to_be_released(store: SqlStore, draft: Draft, path: Path) -> None:
    await draft()
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    tries: list[str] = []

    def release_at_the_third_try(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        tries.append(statement)
        if tries.count("BEGIN IMMEDIATE") == 3:
            other.close()

    event.listen(Engine, "before_cursor_execute", release_at_the_third_try)
    try:
        assert (await store.mark_running("run", fence=1, attempt=1)).status == RunStatus.RUNNING
    finally:
        event.remove(Engine, "before_cursor_execute", release_at_the_third_try)


async def test_a_busy_event_loop_does_not_keep_others_from_the_file(store: SqlStore, draft: Draft, path: Path) -> None:
    await draft()
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as other:
        for turns in range(10):
            writing = asyncio.create_task(store.mark_running("run", fence=1, attempt=1))
            for _ in range(turns):
                await asyncio.sleep(0)
            other.execute("BEGIN IMMEDIATE")  # and nothing else happens in this event loop until it has the lock
            other.execute("ROLLBACK")
            await writing


async def test_a_full_disk_is_unavailable_and_leaves_nothing(
    url: str, store: SqlStore, make_record: Make, spec: RunSpec
) -> None:
    def shrink(connection: sqlite3.Connection, _entry: object) -> None:
        connection.cursor().execute("PRAGMA max_page_count=40")

    event.listen(Engine, "connect", shrink)
    full = open_store(url)
    try:
        await full.start()
        with pytest.raises(UnavailableError, match="full") as caught:
            await full.create(make_record(title="x" * 1_000_000), spec)
        assert "xxx" not in "".join(traceback.format_exception(caught.value)), "prompts are no text for logs"
        assert await full.get("run") is None
        assert (await full.create(make_record(), spec))[1]
    finally:
        event.remove(Engine, "connect", shrink)
        await full.close()


async def _start(url: str) -> SqlStore:
    store = SqlStore(url, lock_timeout=0.05)
    try:
        await store.start()
    except UnavailableError:
        with pytest.raises(UnavailableError, match="not open"):
            await store.get("run")
        raise
    return store


async def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="file"):
        await _start(f"sqlite:///{tmp_path}/file/store.db")


async def test_a_folder_in_the_place_of_the_file_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="unable to open"):
        await _start(f"sqlite:///{tmp_path}")


async def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("This is a text and no database, and it is long enough to be seen as one." * 10)
    with pytest.raises(UnavailableError, match="not a database"):
        await _start(f"sqlite:///{tmp_path}/store.db")


async def test_a_locked_database_is_unavailable_at_the_start(path: Path, url: str) -> None:
    path.parent.mkdir()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(UnavailableError, match="locked"):
        await _start(url)
    other.close()
    await (await _start(url)).close()
