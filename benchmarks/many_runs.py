"""A store with many runs that have ended, made of one that is there: with direct inserts, in seconds."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT :begin UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :end)"
_AT_ONCE = 5_000
"""Of one transaction: other writers get their turns."""
_RUNS_OF_A_THREAD = 5


def add_copies(path: Path, run_id: str, number: int) -> None:
    """Of a run and its thread in the store's file `path`, with ids of their own."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as database:
        thread = {"thread_id": _own("thread", f"i / {_RUNS_OF_A_THREAD}")}
        run = {"run_id": _own("run", "i"), **thread, "sequence": f"1 + i % {_RUNS_OF_A_THREAD}"}
        first = f"i % {_RUNS_OF_A_THREAD} = 0"
        for begin in range(0, number, _AT_ONCE):
            given = {"begin": begin, "end": min(number, begin + _AT_ONCE), "of_run": run_id}
            database.execute("BEGIN IMMEDIATE")
            database.execute(_copied(database, "threads", thread, f"thread_id = {_THREAD_OF} AND {first}"), given)
            database.execute(_copied(database, "runs", run, "run_id = :of_run"), given)
            database.execute("COMMIT")


_THREAD_OF = "(SELECT thread_id FROM runs WHERE run_id = :of_run)"


def _own(kind: str, number: str) -> str:
    return f"'{kind}-of-many-' || ({number})"


def _copied(database: sqlite3.Connection, table: str, own: dict[str, str], condition: str) -> str:
    columns = [str(row[1]) for row in database.execute(f"PRAGMA table_info({table})")]
    names = [name for name in columns if name != "position"]
    values = ", ".join(own.get(name, f'"{name}"') for name in names)
    into = ", ".join(f'"{name}"' for name in names)
    return f"{_NUMBERS} INSERT INTO {table} ({into}) SELECT {values} FROM n, {table} WHERE {condition}"
