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
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
    true,
)
from sqlalchemy.types import TypeDecorator

from ..contracts.serialization.serializer import from_json
from .sealing import SealedBytes, SealedJson, SealedText, json_text

REVISION = "0014"
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
    """Any value as strict JSON (`to_json`; `Json` as it is), `None` as NULL.

    Text and not JSONB, which refuses NUL and sorts keys.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return json_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else from_json(value)


metadata = MetaData()

_OPEN = text("ended_at IS NULL")

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
    Column("error", SealedJson),
    Column("sequence", BigInteger),
    Column("attempt", Integer, nullable=False),
    Column("steps", Integer, nullable=False),
    Column("cancel_action", Text),
    Column("user_id", Text),
    Column("title", SealedText),
    Column("usage", JsonText),
    Column("submitted", Boolean, nullable=False),
    Column("fence", BigInteger, nullable=False),
    # Behind the rest: SQLite does not read a row further than it has to, and lists don't need the questions.
    Column("interrupts", SealedJson),
    # Of few runs. NULL is told by the beginning of a row.
    Column("trouble", SealedJson),
    # How far the run had come then: `Setback.position`.
    Column("trouble_at", Text),
    # The id of the namespace to which it was submitted; NULL of runs of older versions.
    Column("temporal", Text),
    # NULL: its metadata.
    Column("thread_metadata", JsonText),
    Index("ix_runs_thread", "thread_id", "position"),
    Index("ix_runs_sequence", "thread_id", "sequence"),
    # Few of many: a thread may have thousands of runs that have ended.
    Index("ix_runs_open", "thread_id", "position", sqlite_where=_OPEN, postgresql_where=_OPEN),
    # A deleted run's position is never given to another one, so that it keeps meaning "created before".
    sqlite_autoincrement=True,
)


def _of_run() -> Column[str]:
    return Column("run_id", Text, ForeignKey(runs.c.run_id, ondelete="CASCADE"), primary_key=True)


run_specs = Table(
    "run_specs",
    metadata,
    _of_run(),
    Column("fields", SealedText, nullable=False),
    Column("payload_kind", Text, nullable=False),
    Column("payload", SealedBytes, nullable=False),
)

run_values = Table("run_values", metadata, _of_run(), Column("data", SealedBytes, nullable=False))

threads = Table(
    "threads",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("thread_id", Text, nullable=False, unique=True),
    Column("status", Text, nullable=False),
    Column("metadata", JsonText, nullable=False),
    Column("assistant_id", Text),
    Column("user_id", Text),
    Column("title", SealedText),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    # A run was submitted to it. Until then it is only claimed: nobody sees it, and no other user may have it.
    Column("begun", Boolean, nullable=False, server_default=true()),
    # The largest place of a run that was deleted, so that no other gets it; NULL: none was.
    Column("last_place", BigInteger),
    # Its metadata are found by `thread_labels`, and in Postgres by an index of their own.
    Index("ix_threads_user", "user_id", "position"),
    Index("ix_threads_updated", "updated_at", "position"),
    sqlite_autoincrement=True,
)

# How the last run, or a change from outside, has left a thread: its runs may be gone, and rolled back.
thread_states = Table(
    "thread_states",
    metadata,
    Column("thread_id", Text, ForeignKey(threads.c.thread_id, ondelete="CASCADE"), primary_key=True),
    Column("state_updated_at", UtcDateTime, nullable=False),
    Column("error", SealedJson),
    Column("interrupts", SealedJson),
    Column("values", SealedJson),
)

run_events = Table(
    "run_events",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("thread_id", Text, nullable=False),
    Column("run_id", Text, ForeignKey(runs.c.run_id, ondelete="CASCADE"), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    # The writer's fence and its own count: a batch that is written again changes nothing.
    Column("fence", BigInteger, nullable=False),
    Column("number", Integer),
    # The path of LangGraph's task that wrote it, as a checkpoint namespace.
    Column("task_id", Text),
    # The path of the task whose save made it final; until then it goes when the run is taken up again.
    Column("sealed", Text),
    # It has gone, but its place is kept for what comes instead.
    Column("void", Boolean, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("metadata", SealedJson, nullable=False),
    Column("content", SealedJson),
    UniqueConstraint("run_id", "fence", "number"),
    # Instead of a large content: its chunks in `run_contents`, as `contracts.chunking` writes their numbers.
    Column("chunks", Text),
    # Of the content of a message that is only wanted if it is new.
    Column("digest", SealedBytes),
    Index("ix_run_events_thread", "thread_id", "seq", unique=True),
    Index("ix_run_events_run", "run_id", "seq"),
    Index("ix_run_events_type", "run_id", "event_type", "seq"),
    Index("ix_run_events_sealed", "run_id", "sealed"),
    sqlite_autoincrement=True,
)

run_contents = Table(
    "run_contents",
    metadata,
    # A run's position and not its id, which would be longer than many a chunk.
    Column("run", BigInteger().with_variant(Integer, "sqlite"), ForeignKey(runs.c.position, ondelete="CASCADE")),
    Column("number", Integer),
    Column("digest", LargeBinary, nullable=False),
    Column("data", SealedBytes, nullable=False),
    PrimaryKeyConstraint("run", "number"),
    UniqueConstraint("run", "digest"),
)

lifecycle_events = Table(
    "lifecycle_events",
    metadata,
    Column("run_id", Text, ForeignKey(runs.c.run_id, ondelete="CASCADE"), primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("event_type", Text, nullable=False),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("payload", SealedJson, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("run_id", Text, ForeignKey(runs.c.run_id, ondelete="CASCADE"), primary_key=True),
    Column("observer", Text, primary_key=True),
    # The sequence of the last event that is done with: the observer has taken it, or it was given up.
    Column("delivered", Integer, nullable=False),
    # Why the last of those was given up.
    Column("failure", SealedText),
)

state_updates = Table(
    "state_updates",
    metadata,
    # Those of a run are found by their beginning, in the order of their bytes.
    Column("update_id", Text().with_variant(Text(collation="C"), "postgresql"), primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", SealedBytes, nullable=False),
)

crons = Table(
    "crons",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("cron_id", Text, nullable=False, unique=True),
    Column("schedule", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("assistant_id", Text, nullable=False),
    Column("thread_id", Text),
    Column("user_id", Text),
    Column("jitter", Float, nullable=False),
    Column("starts_at", UtcDateTime),
    Column("ends_at", UtcDateTime),
    Column("catch_up", Float, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # The spec of its runs, as in `run_specs`: behind the rest, so that lists do not read it.
    Column("fields", SealedText, nullable=False),
    Column("payload_kind", Text, nullable=False),
    Column("payload", SealedBytes, nullable=False),
    # Of the cron itself; NULL of crons of older versions.
    Column("metadata", JsonText),
    # NULL: it was never changed.
    Column("updated_at", UtcDateTime),
    sqlite_autoincrement=True,
)

# Who may call the gateway. Of a key's secret only a digest is kept.
api_keys = Table(
    "api_keys",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("key_id", Text, nullable=False, unique=True),
    Column("digest", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("label", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    sqlite_autoincrement=True,
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", UtcDateTime, nullable=False),
)

installation = Table("installation", metadata, Column("id", Text, primary_key=True))

workers = Table(
    "workers",
    metadata,
    Column("worker_id", Text, primary_key=True),
    Column("task_queue", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("graphs", JsonText, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
)

# By the ids of their namespaces, which no two have in common.
temporals = Table(
    "temporals",
    metadata,
    Column("namespace_id", Text, primary_key=True),
    Column("place", Text, nullable=False),
    Column("gone", Boolean, nullable=False),
)
