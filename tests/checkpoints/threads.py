"""Every row that our back ends have of a thread."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import psycopg
from langgraph.checkpoint.memory import InMemorySaver
from psycopg import sql

from perdure.checkpoints.conformance import threads
from perdure.checkpoints.conformance.making import CompiledGraph
from perdure.checkpoints.conformance.threads import Durability
from perdure.checkpoints.contract import Checkpoints
from perdure.checkpoints.memory.checkpoints import MemoryCheckpoints
from perdure.checkpoints.postgres import PostgresCheckpoints

Rows = dict[str, list[Any]]
"""Every row by table, in a fixed order."""

CONNECTIONS: dict[str, psycopg.Connection] = {}
"""To databases, by how they are reached: another one each time takes longer than what it reads."""

LANGGRAPHS = ("checkpoints", "writes")
KEPT_ROWS = ("perdure_marks", "perdure_kept_writes")


class Threads(threads.Threads):
    """Threads whose rows can be compared. `path`: of their file."""

    def __init__(
        self, checkpoints: Checkpoints, path: Path, graph: CompiledGraph, durability: Durability = "sync"
    ) -> None:
        super().__init__(checkpoints, graph, durability)
        self.path = path

    def rows(self, *tables: str) -> Rows:
        """Every row of LangGraph's tables, or of those named."""
        if isinstance(self.checkpoints, MemoryCheckpoints):
            return memory_rows(self.checkpoints.saver)
        if isinstance(self.checkpoints, PostgresCheckpoints):
            return self._database_rows(self.checkpoints.address.conninfo, *tables)
        return file_rows(self.path, *tables)

    def _database_rows(self, conninfo: str, *tables: str) -> Rows:
        if (connection := CONNECTIONS.get(conninfo)) is not None:
            return database_rows(connection, *tables)
        with psycopg.connect(conninfo) as connection:
            return database_rows(connection, *tables)


def file_rows(path: Path, *tables: str) -> Rows:
    """By a connection of its own, so only what is committed."""
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)
            for table in tables or LANGGRAPHS
        }


def database_rows(connection: psycopg.Connection, *tables: str) -> Rows:
    """By a connection of its own, so only what is committed."""
    every = sql.SQL("SELECT * FROM {}")
    return {
        table: sorted(connection.execute(every.format(sql.Identifier(table))).fetchall(), key=repr)
        for table in tables or ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
    }


def memory_rows(saver: InMemorySaver) -> Rows:
    spaces = ((thread, ns, saved) for thread, found in saver.storage.items() for ns, saved in found.items())
    tables: dict[str, list[Any]] = {
        "checkpoints": [(thread, ns, id, *row) for thread, ns, saved in spaces for id, row in saved.items()],
        "writes": [(*address, *key, *row) for address, found in saver.writes.items() for key, row in found.items()],
        "blobs": [(*key, *row) for key, row in cast("dict[Any, Any]", saver.blobs).items()],
    }
    return {table: sorted(rows, key=repr) for table, rows in tables.items()}
