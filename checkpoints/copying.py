"""Checkpoints as rows, to be copied into another database: LangGraph's tables and those beside them.

Between two of a kind all rows are copied as they are. SQLite has a checkpoint as one value and Postgres each channel's
value in a row of its own, so between these two checkpoints are taken apart and put together (`converted.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Engine, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from ..blocking.table_shelf import LARGE_PAGE, Shelf, TableShelf, is_sqlite, same_kind
from ..contracts.keyring import Keyring
from .converted import PostgresCheckpointShelf, SqliteCheckpointShelf

_PLACE = ("thread_id", "checkpoint_ns", "checkpoint_id")


def checkpoint_shelves(engine: Engine, other: Engine, *, keyring: Keyring | None, by_content: bool) -> list[Shelf]:
    """All that lies there, with its tables, in the form that `other` can be given, too.

    `by_content`: so that what is said in another form, after the way to the other kind and back, is equal.
    """
    shelves: list[Shelf] = []
    if same_kind(engine, other) and not by_content:
        shelves += _as_they_are(engine)
    elif is_sqlite(engine):
        shelves.append(SqliteCheckpointShelf(engine, keyring))
    else:
        shelves.append(PostgresCheckpointShelf(engine, keyring))
    return [*shelves, *_beside(engine)]


def _as_they_are(engine: Engine) -> Sequence[Shelf]:
    if is_sqlite(engine):
        value = (Column("type", Text), Column("checkpoint", LargeBinary), Column("metadata", LargeBinary))
        table = _table("checkpoints", _PLACE, Column("parent_checkpoint_id", Text), *value)
        return [_large("checkpoints", engine, table)]
    value = (Column("type", Text), Column("checkpoint", JSONB), Column("metadata", JSONB))
    blobs = _table(
        "checkpoint_blobs",
        ("thread_id", "checkpoint_ns", "channel", "version"),
        Column("type", Text),
        Column("blob", LargeBinary),
    )
    table = _table("checkpoints", _PLACE, Column("parent_checkpoint_id", Text), *value)
    return [_large("checkpoint values", engine, blobs), _large("checkpoints", engine, table)]


def _beside(engine: Engine) -> Sequence[Shelf]:
    """What tasks wrote; fences and notes of runs, and what a rollback puts back."""
    writes, blob = ("writes", "value") if is_sqlite(engine) else ("checkpoint_writes", "blob")
    written = (*_PLACE, "task_id", "idx")
    of_run = (Column("thread_id", Text), Column("fence", BigInteger), Column("note", Text))
    tables = {
        "checkpoint writes": _table(writes, written, *_task(blob)),
        "runs of checkpoints": _table("perdure_runs", ("run_id",), *of_run),
        "rollback marks": _table("perdure_marks", ("run_id", *_PLACE), Column("existed", Boolean)),
        "rollback writes": _table("perdure_kept_writes", ("run_id", *written), *_task(blob)),
    }
    return [_large(name, engine, table) for name, table in tables.items()]


def _large(name: str, engine: Engine, table: Table) -> TableShelf:
    return TableShelf(name, engine, table, rows=LARGE_PAGE)


def _task(blob: str) -> Sequence[Column[Any]]:
    return (Column("task_path", Text), Column("channel", Text), Column("type", Text), Column(blob, LargeBinary))


def _table(name: str, keys: Sequence[str], *others: Column[Any]) -> Table:
    numbers = {"idx": Integer}
    columns = [Column(key, numbers.get(key, Text), primary_key=True, autoincrement=False) for key in keys]
    return Table(name, MetaData(), *columns, *others)
