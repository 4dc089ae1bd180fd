"""The file of a SQLite bridge: its tables, and how connections to it are opened."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from urllib.parse import quote

from ...blocking import BUSY_TIMEOUT, is_busy, private_database
from ...contracts.errors import ConfigError
from ...contracts.retry import Retry, retried_on_thread

_APPLICATION_ID = 0x50445242  # "PDRB" in the file's header: what tells a bridge from any other database
_VERSION = 1  # of the tables: a newer one is refused, an older one would be migrated
_WAL_KEPT = 64 * 2**20  # bytes of the log that stay on the disk after a burst

# Events lie in a table with row ids, because rows of many KB make a tree without them deep. AUTOINCREMENT keeps
# the number of a stream that was cleaned up from being given to another one.
_SCHEMA = """
CREATE TABLE streams (
    stream INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL UNIQUE,
    first_id INTEGER NOT NULL DEFAULT 1,
    last_id INTEGER NOT NULL DEFAULT 0,
    ended INTEGER NOT NULL DEFAULT 0,
    fence INTEGER NOT NULL DEFAULT 0,
    stop INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE events (
    stream INTEGER NOT NULL,
    id INTEGER NOT NULL,
    event TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (stream, id)
);
CREATE TABLE keys (
    stream INTEGER NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY (stream, key)
) WITHOUT ROWID;
"""

# Younger than the rest: a file of before gets it when it is opened, and older versions of Perdure do not mind it.
_LEASES = "CREATE TABLE IF NOT EXISTS leases (stream INTEGER PRIMARY KEY, since REAL NOT NULL, until REAL NOT NULL)"


def connect_writer(path: Path) -> sqlite3.Connection:
    """A connection for writing; makes the folder, the file and the tables. Raises `ConfigError`."""
    private_database(path)
    connection = _connect(path, "rwc")
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write."""
    connection = _connect(path, "rw")  # not "ro": a reader may have to recover the log of a killed writer
    connection.execute("PRAGMA query_only=ON")
    return connection


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"file:{quote(str(path))}?mode={mode}"
    # Used by one thread at a time, which is not always the same.
    return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    # Before anything is changed: the file may be somebody else's. In one transaction: it may be in the making.
    connection.execute("BEGIN")
    new = _is_new(connection, path)
    connection.execute("COMMIT")
    _use_log(connection, path)
    # A killed process loses nothing, a power cut may lose the last moments; each commit spares a disk sync.
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(f"PRAGMA journal_size_limit={_WAL_KEPT}")
    if new:
        _create_tables(connection, path)
    connection.execute(_LEASES)


def _is_new(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file is empty. Raises `ConfigError` when it is no bridge of a version that we know."""
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as exc:
        if exc.sqlite_errorname == "SQLITE_NOTADB":
            raise ConfigError(f"bridge.url: {path} is not a SQLite database; name another file") from exc
        raise
    if application == version == tables == 0:
        return True
    if application != _APPLICATION_ID:
        raise ConfigError(f"bridge.url: {path} is a database of something else, not a bridge; name another file")
    if version > _VERSION:
        raise ConfigError(
            f"bridge.url: {path} was written by a newer Perdure (format {version}, this one knows {_VERSION}); "
            "upgrade Perdure, or name another file"
        )
    return False


def _use_log(connection: sqlite3.Connection, path: Path) -> None:
    """Switch to WAL, which is what lets readers and a writer go at the same time."""
    # SQLite does not wait when several processes make the switch at the same moment.
    (mode,) = retried_on_thread(
        lambda: connection.execute("PRAGMA journal_mode=WAL").fetchone(),
        Retry(when=is_busy, until=time.monotonic() + BUSY_TIMEOUT, pause=0.01),
    )
    if mode != "wal":
        raise ConfigError(f"bridge.url: the file system of {path} has no shared memory; name a file on a local disk")


def _create_tables(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if _is_new(connection, path):  # again: another process may have been faster
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id={_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={_VERSION}")
    connection.execute("COMMIT")
