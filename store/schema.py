"""The tables, as the newest migration leaves them.

Specs and final values can be tens of megabytes: they have tables of their own, so that lists never read them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator

from ..contracts.serialization import from_json, to_json

REVISION = "0001"
"""The newest migration. It stands here so that a start that has nothing to migrate never imports Alembic."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, stored as UTC and read as an aware datetime. A naive one is UTC, as in `RunRecord`."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _as_utc(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _as_utc(value)


def _as_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class JsonText(TypeDecorator[Any]):
    """Any value as strict JSON (`to_json`). Text and not JSONB, which refuses NUL and sorts keys; `None` is NULL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else to_json(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else from_json(value)


metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    # The order of creation. Clocks of several processes may disagree or stand still; this never does.
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("run_id", Text, nullable=False, unique=True),
    Column("thread_id", Text, nullable=False),
    Column("assistant_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("temporary", Boolean, nullable=False),
    Column("multitask_strategy", Text, nullable=False),
    Column("metadata", JsonText, nullable=False),
    Column("follow_up_to_run_id", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("error", JsonText),
    Column("sequence", BigInteger),
    Column("attempt", Integer, nullable=False),
    Column("steps", Integer, nullable=False),
    Column("cancel_action", Text),
    Column("user_id", Text),
    Column("title", Text),
    Column("usage", JsonText),
    Column("submitted", Boolean, nullable=False),
    Column("fence", BigInteger, nullable=False),
    # The last one: SQLite does not read a row further than it has to, and lists don't need the questions.
    Column("interrupts", JsonText),
    Index("ix_runs_thread", "thread_id", "position"),
    # A deleted run's position is never given to another one, so that it keeps meaning "created before".
    sqlite_autoincrement=True,
)


def _of_run() -> Column[str]:
    return Column("run_id", Text, ForeignKey(runs.c.run_id, ondelete="CASCADE"), primary_key=True)


run_specs = Table(
    "run_specs",
    metadata,
    _of_run(),
    Column("fields", Text, nullable=False),
    Column("payload_kind", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)

run_values = Table("run_values", metadata, _of_run(), Column("data", LargeBinary, nullable=False))

graphs = Table(
    "graphs",
    metadata,
    Column("task_queue", Text, primary_key=True),
    Column("name", Text, primary_key=True),
)
