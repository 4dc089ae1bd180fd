"""A store with many runs that have ended, or a run with many events, made of what is there: by SQL, in seconds."""

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


def add_calls(path: Path, run_id: str, number: int) -> None:
    """Copies of a run's first model call, two events each, all at the same time."""
    call_id = "json_extract(metadata, '$.call_id')"
    calls = "run_id = :of_run AND event_type IN ('llm_request', 'llm_response')"
    begun = f"(SELECT min(created_at) FROM run_events WHERE {calls})"
    first = f"SELECT {call_id} FROM run_events WHERE {calls} ORDER BY seq LIMIT 1"
    behind = "(SELECT max(seq) FROM run_events WHERE run_id = :of_run) + 2 * i + (event_type = 'llm_response')"
    own = {
        "seq": behind,
        "number": behind,
        "metadata": "json_set(metadata, '$.call_id', 'call-' || i)",
        "created_at": begun,
    }
    with closing(sqlite3.connect(path, timeout=30)) as database, database:
        given = {"begin": 1, "end": number + 1, "of_run": run_id}
        database.execute(_copied(database, "run_events", own, f"{calls} AND {call_id} = ({first})"), given)


_THREAD_OF = "(SELECT thread_id FROM runs WHERE run_id = :of_run)"


def _own(kind: str, number: str) -> str:
    return f"'{kind}-of-many-' || ({number})"


def _copied(database: sqlite3.Connection, table: str, own: dict[str, str], condition: str) -> str:
    columns = [str(row[1]) for row in database.execute(f"PRAGMA table_info({table})")]
    names = [name for name in columns if name != "position"]
    values = ", ".join(own.get(name, f'"{name}"') for name in names)
    into = ", ".join(f'"{name}"' for name in names)
    return f"{_NUMBERS} INSERT INTO {table} ({into}) SELECT {values} FROM n, {table} WHERE {condition}"
