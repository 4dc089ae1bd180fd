"""What is Postgres' own: its URL, its connections and its transactions, in which many write at the same time.

READ COMMITTED is enough, because whoever decides by what other rows say holds a lock on them first (`locks`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Text,
    cast,
    create_engine,
    exc,
    func,
    literal,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB

from ..blocking.postgres_address import BEGIN, CONNECTING, postgres_address
from ..blocking.postgres_errors import is_retryable
from ..contracts.serialization.serializer import to_json
from .dialect import Scalar

_BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# JSON with a NUL somewhere can be stored, and not be taken apart. (What is escaped itself is no escape.)
_NUL = r"((?<!\\)(?:\\\\)*)\\u0000"


class PostgresDialect:
    """A database that many machines share."""

    readers = 4
    writers = 4

    def __init__(self, url: str) -> None:
        """Raises `ConfigError`."""
        self._address = postgres_address("store.url", url)

    @property
    def shown(self) -> str:
        return self._address.shown

    def make_place(self) -> None:
        """Nothing: a database is made by whoever runs the server."""

    def make_engine(self, connections: int) -> Engine:
        return create_engine(
            "postgresql+psycopg://",
            creator=self._connect,
            isolation_level="AUTOCOMMIT",
            pool_size=connections,
            max_overflow=0,
            use_native_hstore=False,  # which would be looked for in each database
            hide_parameters=True,
        )

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self._address.conninfo, **CONNECTING)

    def make_hasty_engine(self) -> None:
        return None

    def prepare(self, connection: Connection) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        self._address.check(driver.info)
        connection.exec_driver_sql(BEGIN)  # which a pgbouncer that pools statements refuses
        connection.rollback()

    def begin(self, connection: Connection) -> None:
        connection.exec_driver_sql(BEGIN)

    def begin_reading(self, connection: Connection) -> None:
        connection.exec_driver_sql(_BEGIN_READING)

    def is_busy(self, error: exc.OperationalError) -> bool:
        return is_retryable(error.orig)

    def was_lost_before(self, error: exc.OperationalError, *, reads: bool) -> bool:
        """By a restart of the server, say."""
        return error.connection_invalidated and (reads or error.statement in (BEGIN, _BEGIN_READING))

    def first_part(self, text: ColumnElement[str]) -> ColumnElement[str]:
        return func.substr(text, 1, func.greatest(func.strpos(text, "/") - 1, 0))

    def has(self, json: ColumnElement[Any], path: Sequence[str], value: Scalar) -> ColumnElement[bool]:
        """Compared as JSON has it, so that `1` is not `true`."""
        forms = sorted({to_json(form).decode() for form in _forms(value)})
        return cast(func.json_extract_path(cast(_readable(json), JSON), *path), Text).in_(forms)

    def number(self, json: ColumnElement[Any], key: str) -> ColumnElement[Any]:
        return cast(func.json_extract_path_text(cast(_readable(json), JSON), key), BigInteger)

    def may_have(self, path: Sequence[str], value: Scalar) -> ColumnElement[bool]:
        wanted: Any = value
        for key in reversed(path):
            wanted = {key: wanted}
        sought = _readable(literal(to_json(wanted).decode()))
        return cast(_indexed, JSONB).contains(cast(sought, JSONB))

    def lists(self, json: ColumnElement[Any], key: str, value: Scalar) -> ColumnElement[bool]:
        readable = func.regexp_replace(json, _NUL, r"\1\ufffd", "g")
        found = cast(readable, JSONB)[key]
        return found.contains([value])


def _readable(json: ColumnElement[Any]) -> ColumnElement[str]:
    return func.regexp_replace(json, _NUL, r"\1\\ufffd", "g")


# To the letter as in the index (`v0013_thread_labels`), else that is not looked into.
_indexed = literal_column(r"regexp_replace(metadata, '((?<!\\)(?:\\\\)*)\\u0000', '\1\\ufffd', 'g')", Text)


def _forms(value: Scalar) -> tuple[Scalar, ...]:
    """How JSON may have written what is equal to this."""
    if isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer():
        return value, int(value), float(value)
    return (value,)
