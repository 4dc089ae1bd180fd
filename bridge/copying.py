"""Streams as rows, to be copied to another place: events with their ids, and the keys of those that may come again.

What tells servers apart, and a writer's batches that may be sent again, is the place's own: it is not copied. Leases of
clients run out.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from sqlalchemy import BigInteger, Boolean, Column, Engine, LargeBinary, MetaData, SmallInteger, Table, Text
from sqlalchemy.types import TypeDecorator

from ..blocking.table_shelf import Shelf, TableShelf, go_on_after, is_sqlite, last_number, writing
from ..contracts.errors import ConfigError
from ..contracts.urls import redacted

REDIS = ("redis", "rediss", "redis+sentinel", "rediss+sentinel")
"""The schemes of Redis' URLs."""

_HERE = {"history": "perdure_stream_history()"}
"""A stream in Postgres takes ids to be lost only when it has become another server's."""
_NO_FLOOR = {"floor": "0"}
"""SQLite loses none, so it has no bound below which ids were given and lost."""


class _TextOfBytes(TypeDecorator[str]):
    """A text that Postgres has as bytes, for it may hold a NUL."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> bytes | None:
        return None if value is None else value.encode()

    def process_result_value(self, value: bytes | None, dialect: Any) -> str | None:
        return None if value is None else bytes(value).decode()


class StreamsPlace(Protocol):
    """Where streams lie. Every call but `kind` blocks."""

    @property
    def kind(self) -> str:
        """`sqlite`, `postgresql` or `redis`."""
        ...

    def shelves(self, other: StreamsPlace) -> list[Shelf]:
        """Streams by their numbers, then what is in them, in the form that `other` can be given, too."""
        ...

    def last_number(self) -> int:
        """Of the streams that there were."""
        ...

    def go_on_after(self, number: int) -> None:
        """Give no number again that was given in another place."""
        ...


class SqlStreams:
    """The streams of a database, whose tables are there."""

    def __init__(self, engine: Engine) -> None:
        self.kind = engine.dialect.name
        self._engine = engine
        self._streams = "streams" if is_sqlite(engine) else "perdure_streams"

    def shelves(self, other: StreamsPlace) -> list[Shelf]:
        """Streams by their numbers, then what is in them, in the form that `other` can be given, too."""
        if is_sqlite(self._engine):
            names, text, head = ("events", "keys"), Text(), _head()
            streams = TableShelf("streams", self._engine, _table(self._streams, [_number("stream")], head))
        else:
            names, text = ("perdure_stream_events", "perdure_stream_keys"), _TextOfBytes()
            floored = self.kind == other.kind
            head = [*_head(), *([Column("floor", BigInteger)] if floored else [])]
            table = _table(self._streams, [_number("stream")], head)
            given = _HERE if floored else {**_HERE, **_NO_FLOOR}
            streams = TableShelf("streams", self._engine, table, overriding=True, given=given)
        return [streams, *_contents(self._engine, *names, text)]

    def last_number(self) -> int:
        """Of the streams that there were."""
        with self._engine.connect() as connection:
            return last_number(connection, self._streams, "stream")

    def go_on_after(self, number: int) -> None:
        """Give no number again that was given in another place."""
        with writing(self._engine) as connection:
            go_on_after(connection, self._streams, "stream", number)


def _contents(engine: Engine, events: str, keys: str, name: Any) -> list[Shelf]:
    event = [Column("event", name), Column("data", LargeBinary)]
    key = Column("key", name, primary_key=True)
    return [
        TableShelf("stream events", engine, _table(events, [_number("stream"), _number("id")], event)),
        TableShelf("stream keys", engine, _table(keys, [_number("stream"), key], [])),
    ]


def _head() -> Sequence[Column[Any]]:
    numbers = [Column(name, BigInteger) for name in ("first_id", "last_id", "fence")]
    return [Column("run_id", Text), *numbers, Column("ended", Boolean), Column("stop", SmallInteger)]


def _number(name: str) -> Column[Any]:
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def _table(name: str, keys: Sequence[Column[Any]], others: Sequence[Column[Any]]) -> Table:
    return Table(name, MetaData(), *keys, *others)


@asynccontextmanager
async def streams_at(url: str, engine: Engine | None) -> AsyncGenerator[StreamsPlace]:
    """The streams of a URL, for the block; `engine`: of a database. Raises `ConfigError`, `UnavailableError`."""
    if engine is not None:
        yield SqlStreams(engine)
        return
    try:
        from .redis.copying import redis_streams
    except ModuleNotFoundError as exc:
        raise ConfigError(
            f'bridge.url: {redacted(url)!r} needs redis-py ({exc}): pip install "perdure[redis]"'
        ) from exc
    async with redis_streams(url) as streams:
        yield streams
