"""What is SQLite's own: its URL, its connections and its locks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    and_,
    create_engine,
    event,
    exc,
    exists,
    func,
    make_url,
    true,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from ..blocking import is_busy, private_database
from ..contracts.errors import ConfigError
from ..contracts.serialization.serializer import to_json
from .dialect import Scalar
from .thread_labels import may_have

# Seconds. A thread that waits for a lock inside SQLite cannot be interrupted, and a cancelled caller waits for it.
_BLOCKING_WAIT = 0.1


class SqliteDialect:
    """A file of this machine, which several processes share."""

    readers = 4
    writers = 1
    """SQLite has one writer at a time, and to queue for it is faster and fairer than to poll its lock."""

    def __init__(self, url: str) -> None:
        """Raises `ConfigError`."""
        self._url = _location(url)

    @property
    def shown(self) -> str:
        return self._url.set(drivername="sqlite").render_as_string()

    def make_place(self) -> None:
        """Create the file and its folder, for their owner only."""
        private_database(Path(self._url.database or ""))

    def make_engine(self, connections: int) -> Engine:
        return self._make_engine(connections, wait=_BLOCKING_WAIT)

    def make_hasty_engine(self) -> Engine:
        engine = self._make_engine(1, wait=0)
        event.listen(engine, "connect", _leave_log)
        return engine

    def _make_engine(self, connections: int, *, wait: float) -> Engine:
        engine = create_engine(
            self._url,
            pool_size=connections,
            max_overflow=0,
            connect_args={"timeout": wait, "isolation_level": None},
            hide_parameters=True,  # prompts don't belong into tracebacks
        )
        event.listen(engine, "connect", _set_pragmas)
        return engine

    def prepare(self, connection: Connection) -> None:
        """Switch the file to WAL, so that readers and the writer don't wait for each other."""
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")

    def begin(self, connection: Connection) -> None:
        """With the write lock: a transaction that reads first and then writes could not wait for it any more."""
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def begin_reading(self, connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    def is_busy(self, error: exc.OperationalError) -> bool:
        return is_busy(error.orig)

    def was_lost_before(self, error: exc.OperationalError, *, reads: bool) -> bool:
        return False

    def first_part(self, text: ColumnElement[str]) -> ColumnElement[str]:
        return func.substr(text, 1, func.instr(text, "/") - 1)

    def has(self, json: ColumnElement[Any], path: Sequence[str], value: Scalar) -> ColumnElement[bool]:
        place = _place(path)
        return _is(func.json_type(json, place), func.json_extract(json, place), value)

    def number(self, json: ColumnElement[Any], key: str) -> ColumnElement[Any]:
        return func.json_extract(json, _place((key,)))

    def may_have(self, path: Sequence[str], value: Scalar) -> ColumnElement[bool]:
        return may_have(path[0], value) if len(path) == 1 else true()

    def lists(self, json: ColumnElement[Any], key: str, value: Scalar) -> ColumnElement[bool]:
        place = _place((key,))
        each = func.json_each(json, place).table_valued("value", "type")
        same = exists().select_from(each).where(_is(each.c.type, each.c.value, value))
        return and_(func.json_type(json, place) == "array", same)


def _place(path: Sequence[str]) -> str:
    """SQLite knows a key by how the JSON has it."""
    return "$" + "".join(f".{to_json(key).decode()}" for key in path)


def _is(kind: ColumnElement[Any], found: ColumnElement[Any], value: Scalar) -> ColumnElement[bool]:
    """SQLite shows `true` as 1, and an object as its text: what it is in the JSON is said beside it."""
    if value is None or isinstance(value, bool):
        return kind == ("null" if value is None else str(value).lower())
    return and_(kind == "text" if isinstance(value, str) else kind.in_(("integer", "real")), found == value)


def _location(text: str) -> URL:
    """The URL with driver and absolute path, so that a later `chdir` moves nothing."""
    try:
        url = make_url(text)
    except (exc.ArgumentError, ValueError) as error:
        raise ConfigError("store.url is not a URL; write it like sqlite:///folder/store.db") from error
    path = url.database or ""
    if path in ("", ":memory:") or path.startswith("file:") or url.query or url.host:
        raise ConfigError(
            f"store.url {url.render_as_string()!r} must name a file, without options: sqlite:///folder/store.db, or "
            "sqlite:////folder/store.db for an absolute path (records outlive the process, so none are kept in memory)"
        )
    return url.set(drivername="sqlite+pysqlite", database=str(Path(path).absolute()))


def _set_pragmas(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    try:
        # With WAL, NORMAL loses nothing when a process dies; a power cut can take the last moments.
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
    except Exception:
        connection.close()  # SQLAlchemy 2.0 leaves it open
        raise
    cursor.close()


def _leave_log(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """To clear SQLite's log takes a sync: it is left to the threads' connections."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA wal_autocheckpoint=0")
    cursor.close()
