"""What is SQLite's own: its URL, its connections and its locks. The rest of the room is plain SQL.

Another back end brings a module with the same names. Where many may write at once, its `begin` begins nothing and
its migrations have to take an advisory lock.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from ..blocking import private_database
from ..contracts.errors import ConfigError

__all__ = [
    "READERS",
    "WRITERS",
    "begin",
    "begin_reading",
    "insert",
    "is_busy",
    "location",
    "make_engine",
    "make_file",
    "prepare",
]

READERS = 4
WRITERS = 1
"""SQLite has one writer at a time, and to queue for it is faster and fairer than to poll its lock."""

# Seconds. A thread that waits for a lock inside SQLite cannot be interrupted, and a cancelled caller waits for it.
_BLOCKING_WAIT = 0.1


def location(url: URL) -> URL:
    """The URL with driver and absolute path, so that a later `chdir` moves nothing. Raises `ConfigError`."""
    path = url.database or ""
    if path in ("", ":memory:") or path.startswith("file:") or url.query or url.host:
        raise ConfigError(
            f"store.url {url.render_as_string()!r} must name a file, without options: sqlite:///folder/store.db, or "
            "sqlite:////folder/store.db for an absolute path (records outlive the process, so none are kept in memory)"
        )
    return url.set(drivername="sqlite+pysqlite", database=str(Path(path).absolute()))


def make_file(url: URL) -> None:
    """Create the file and its folder, for their owner only. Raises `OSError`."""
    private_database(Path(url.database or ""))


def make_engine(url: URL, connections: int) -> Engine:
    """An engine whose statements each stand for themselves until `begin`. Opens nothing yet."""
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        connect_args={"timeout": _BLOCKING_WAIT, "isolation_level": None},
        hide_parameters=True,  # prompts don't belong into tracebacks
    )
    event.listen(engine, "connect", _set_pragmas)
    return engine


def _set_pragmas(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    # With WAL, NORMAL loses nothing when a process dies; a power cut can take the last moments.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def prepare(connection: Connection) -> None:
    """Switch the file to WAL, so that readers and the writer don't wait for each other."""
    connection.exec_driver_sql("PRAGMA journal_mode=WAL")


def begin(connection: Connection) -> None:
    """Begin with the write lock: a transaction that reads first and then writes could not wait for it any more."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def begin_reading(connection: Connection) -> None:
    """Begin to see one state of all rows, until the connection is given back."""
    connection.exec_driver_sql("BEGIN")


def is_busy(error: OperationalError) -> bool:
    """Whether another connection held the lock, so that nothing was done and another try may do it."""
    cause = error.orig
    return isinstance(cause, sqlite3.OperationalError) and cause.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
