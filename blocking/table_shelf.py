"""Rows of a SQL table by their keys, as they are copied from one database to another: SQLite's or Postgres'.

What a row holds is the same in both, so that rows can be compared. Where Postgres cannot hold a NUL, U+FFFD stands for
it on both sides.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, cast

from sqlalchemy import (
    URL,
    Connection,
    Dialect,
    Engine,
    Table,
    create_engine,
    delete,
    func,
    insert,
    literal,
    select,
    text,
    tuple_,
)
from sqlalchemy.types import DateTime, Float, Text, TypeDecorator, TypeEngine

from ..contracts.errors import ConfigError
from .postgres_errors import extra_needed
from .private_files import private_database

Key = tuple[Any, ...]
Content = tuple[Any, ...]
COPIED = ("sqlite", "postgresql")
"""The schemes of what can be copied."""
PAGE, LARGE_PAGE = 500, 20
"""Rows that are read, compared and written together; of those that may have megabytes each."""
_LOCK_TIMEOUT = 10.0
"""Seconds that SQLite waits for another process."""


class Shelf(Protocol):
    """Rows in the order of their keys. Every call blocks, and is a transaction."""

    @property
    def name(self) -> str:
        """Of what lies here, the same in each back end."""
        ...

    def page(self, after: Key | None) -> Mapping[Key, Content]:
        """The next rows behind a key, in this place's own order; none at the end."""
        ...

    def get(self, keys: Sequence[Key]) -> Mapping[Key, Content]:
        """Those of the rows that are there."""
        ...

    def put(self, rows: Mapping[Key, Content]) -> None:
        """Write rows, in place of those with their keys."""
        ...

    def remove(self, keys: Sequence[Key]) -> None: ...


class Moment(TypeDecorator[datetime]):
    """A moment as LangGraph's stores have it: in SQLite a text that may name its zone, else it is UTC."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class WholeMinutes(TypeDecorator[int]):
    """Minutes, which Postgres has as whole ones: a part of one counts as one."""

    impl = Float
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> Any:
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        return None if value is None else math.ceil(value)


@dataclass(frozen=True)
class TableShelf:
    """A table, or a part of its columns; its primary key is the rows' key."""

    name: str
    engine: Engine
    table: Table
    overriding: bool = False
    """Its key is one that Postgres gives itself always."""
    given: Mapping[str, str] = field(default_factory=dict[str, str])
    """Columns beside it that are written with an expression of SQL."""
    rows: int = PAGE
    """Of a page."""

    def page(self, after: Key | None) -> Mapping[Key, Content]:
        """The next rows behind a key."""
        query = select(self.table).order_by(*self._keys).limit(self.rows)
        if after is not None:
            ends = [literal(value, column.type) for column, value in zip(self._keys, after, strict=True)]
            query = query.where(tuple_(*self._keys) > tuple_(*ends))
        with self.engine.connect() as connection:
            return self._rows(connection.execute(query).all())

    def get(self, keys: Sequence[Key]) -> Mapping[Key, Content]:
        """Those of the rows that are there."""
        with self.engine.connect() as connection:
            return self._rows(connection.execute(select(self.table).where(self._are(keys))).all())

    def put(self, rows: Mapping[Key, Content]) -> None:
        """Write rows, in place of those with their keys."""
        names = [column.name for column in (*self._keys, *self._others)]
        values = [dict(zip(names, (*key, *content), strict=True)) for key, content in rows.items()]
        with writing(self.engine) as connection:
            connection.execute(delete(self.table).where(self._are([*rows])))
            connection.execute(self._insert(names), values)

    def remove(self, keys: Sequence[Key]) -> None:
        """Delete rows."""
        with writing(self.engine) as connection:
            connection.execute(delete(self.table).where(self._are(keys)))

    def _insert(self, names: Sequence[str]) -> Any:
        if not self.overriding and not self.given:
            return insert(self.table)
        columns = ", ".join((*names, *self.given))
        values = ", ".join((*(f":{name}" for name in names), *self.given.values()))
        override = "OVERRIDING SYSTEM VALUE " if self.overriding else ""
        return text(f"INSERT INTO {self.table.name} ({columns}) {override}VALUES ({values})")

    @property
    def _keys(self) -> Sequence[Any]:
        return [*self.table.primary_key.columns]

    @property
    def _others(self) -> Sequence[Any]:
        return [column for column in self.table.columns if not column.primary_key]

    def _are(self, keys: Sequence[Key]) -> Any:
        return tuple_(*self._keys).in_(keys)

    def _rows(self, found: Sequence[Any]) -> dict[Key, Content]:
        rows = [row._mapping for row in found]
        return {
            tuple(row[column.name] for column in self._keys): tuple(clean(row[column.name]) for column in self._others)
            for row in rows
        }


def writing(engine: Engine) -> AbstractContextManager[Connection]:
    """A transaction for the block."""
    return engine.begin()


def clean(value: Any) -> Any:
    """The form in which a value can be held, and compared, everywhere."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, dict):
        found = cast("dict[Any, Any]", value)
        return {clean(name): clean(one) for name, one in found.items()}
    if isinstance(value, list):
        return [clean(one) for one in cast("list[Any]", value)]
    return value


def same_kind(one: Engine, other: Engine) -> bool:
    """Whether both are SQLite, or both Postgres."""
    return one.dialect.name == other.dialect.name


def is_sqlite(engine: Engine) -> bool:
    """Or else Postgres."""
    return engine.dialect.name == "sqlite"


def kind_of(url: str) -> str:
    """The scheme of a URL."""
    return url.partition(":")[0]


@contextmanager
def engine_at(setting: str, url: str) -> Generator[Engine]:
    """The database of a URL, for the block. Raises `ConfigError` for what is neither SQLite nor Postgres."""
    kind = kind_of(url)
    if kind == "sqlite":
        engine = _sqlite(Path(url.partition("://")[2].removeprefix("/")))
    elif kind == "postgresql":
        engine = _postgres(setting, url)
    else:
        raise ConfigError(f"{setting}: what lies at {kind}:// cannot be copied; {' and '.join(COPIED)} can")
    try:
        yield engine
    finally:
        engine.dispose()


def _sqlite(path: Path) -> Engine:
    private_database(path)
    url = URL.create("sqlite+pysqlite", database=str(path.absolute()))
    return create_engine(url, connect_args={"timeout": _LOCK_TIMEOUT}, hide_parameters=True)


def _postgres(setting: str, url: str) -> Engine:
    with extra_needed(setting):
        import psycopg

        from .postgres_address import CONNECTING, postgres_address
    address = postgres_address(setting, url)
    options: dict[str, Any] = {**CONNECTING, "autocommit": False}
    return create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(address.conninfo, **options),
        use_native_hstore=False,
        hide_parameters=True,
    )


def last_number(connection: Connection, table: str, column: str) -> int:
    """The largest number that the table has given to a row, deleted ones too; 0 before the first."""
    if connection.dialect.name == "sqlite":
        query = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return connection.execute(query, {"name": table}).scalar() or 0
    sequence = _sequence(connection, table, column)
    found = connection.execute(text(f"SELECT last_value, is_called FROM {sequence}")).one()
    return int(found[0]) if found[1] else 0


def go_on_after(connection: Connection, table: str, column: str, number: int) -> None:
    """Later rows get larger numbers."""
    if number <= last_number(connection, table, column):
        return
    if connection.dialect.name != "sqlite":
        connection.execute(select(func.setval(_sequence(connection, table, column), number)))
        return
    told = {"name": table, "seq": number}
    changed = connection.execute(text("UPDATE sqlite_sequence SET seq = :seq WHERE name = :name"), told)
    if not changed.rowcount:
        connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"), told)


def _sequence(connection: Connection, table: str, column: str) -> str:
    query = text("SELECT pg_get_serial_sequence(:name, :column)")
    return str(connection.execute(query, {"name": table, "column": column}).scalar_one())
