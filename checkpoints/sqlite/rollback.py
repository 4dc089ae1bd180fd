"""Marks and copies of `rollback` in LangGraph's own SQLite file, row by row. Every call is within a transaction."""

from __future__ import annotations

import sqlite3

from ..rollback import DROPPED, check_restorable, read_note

TABLES = (
    """
    CREATE TABLE IF NOT EXISTS perdure_marks (
        run_id TEXT NOT NULL,
        thread_id TEXT NOT NULL,
        checkpoint_ns TEXT NOT NULL,
        checkpoint_id TEXT NOT NULL,
        existed INTEGER NOT NULL,
        PRIMARY KEY (run_id, thread_id, checkpoint_ns, checkpoint_id)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS perdure_kept_writes (
        run_id TEXT NOT NULL,
        thread_id TEXT NOT NULL,
        checkpoint_ns TEXT NOT NULL,
        checkpoint_id TEXT NOT NULL,
        task_id TEXT NOT NULL,
        task_path TEXT NOT NULL,
        idx INTEGER NOT NULL,
        channel TEXT NOT NULL,
        type TEXT,
        value BLOB,
        PRIMARY KEY (run_id, thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
    )
    """,
)

# By name, not `*`: files of older versions have LangGraph's columns in another order.
_WRITE = "thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value"
_HERE = "thread_id = :thread AND checkpoint_ns = :namespace AND checkpoint_id = :checkpoint"
_METADATA = "CAST(metadata AS TEXT)"
# A NaN in a node's config makes metadata that is no JSON; what cannot be read is taken for somebody else's.
_OWN = f"CASE WHEN json_valid({_METADATA}) THEN json_extract({_METADATA}, '$.run_id') = :run END"
_OF_RUN = "run_id = :run AND thread_id = :thread"
_MARKED = f"(SELECT checkpoint_ns, checkpoint_id FROM perdure_marks WHERE {_OF_RUN})"
_SAVED = f"(SELECT checkpoint_ns, checkpoint_id FROM perdure_marks WHERE {_OF_RUN} AND NOT existed)"

_MARK = f"""
    INSERT INTO perdure_marks (run_id, thread_id, checkpoint_ns, checkpoint_id, existed)
    SELECT :run, :thread, :namespace, :checkpoint, EXISTS (SELECT 1 FROM checkpoints WHERE {_HERE})
    WHERE NOT EXISTS (SELECT 1 FROM checkpoints WHERE {_HERE} AND {_OWN})
    ON CONFLICT DO NOTHING
"""
_COPY = f"INSERT INTO perdure_kept_writes (run_id, {_WRITE}) SELECT :run, {_WRITE} FROM writes WHERE {_HERE}"

_MARK_SAVED = f"""
    INSERT INTO perdure_marks (run_id, thread_id, checkpoint_ns, checkpoint_id, existed)
    SELECT :run, thread_id, checkpoint_ns, checkpoint_id, 0 FROM checkpoints WHERE thread_id = :thread AND {_OWN}
    ON CONFLICT DO NOTHING
"""
_STANDING = f"""
    SELECT
        EXISTS {_MARKED},
        (SELECT note FROM perdure_runs WHERE run_id = :run),
        (SELECT max(checkpoint_id) FROM checkpoints
         WHERE thread_id = :thread AND checkpoint_ns = '' AND (checkpoint_ns, checkpoint_id) NOT IN {_SAVED}),
        (SELECT min(run_id) FROM perdure_marks
         WHERE thread_id = :thread AND run_id <> :run AND (checkpoint_ns, checkpoint_id) IN {_SAVED})
"""
_RESTORE = (
    f"DELETE FROM writes WHERE thread_id = :thread AND (checkpoint_ns, checkpoint_id) IN {_MARKED}",
    f"DELETE FROM checkpoints WHERE thread_id = :thread AND (checkpoint_ns, checkpoint_id) IN {_SAVED}",
    f"INSERT INTO writes ({_WRITE}) SELECT {_WRITE} FROM perdure_kept_writes WHERE {_OF_RUN}",
)


_DROP_NOTE = f"""
    UPDATE perdure_runs SET note = CASE
        WHEN note = '{DROPPED}' OR EXISTS (SELECT 1 FROM perdure_marks WHERE run_id = :run) THEN '{DROPPED}'
    END
    WHERE run_id = :run
"""


def keep(connection: sqlite3.Connection, run_id: str, address: tuple[str, str, str]) -> None:
    """Mark the checkpoint at `address` (thread, namespace, id) and copy its writes, unless that was done before."""
    thread_id, namespace, checkpoint_id = address
    names = {"run": run_id, "thread": thread_id, "namespace": namespace, "checkpoint": checkpoint_id}
    marked = connection.execute(_MARK, names)
    if marked.rowcount == 1:
        connection.execute(_COPY, names)


def restore(connection: sqlite3.Connection, run_id: str, thread_id: str) -> None:
    """Put the thread back. Raises `RollbackError`; the caller has to roll its transaction back then."""
    names = {"run": run_id, "thread": thread_id}
    connection.execute(_MARK_SAVED, names)
    ((marked, text, newest, follower),) = connection.execute(_STANDING, names)
    if not marked and text != DROPPED:
        return
    check_restorable(run_id, thread_id, read_note(text), newest=newest, follower=follower)
    for statement in _RESTORE:
        connection.execute(statement, names)
    drop(connection, run_id)


def settle(connection: sqlite3.Connection, run_id: str) -> None:
    """Drop the run's note, marks and copies, and remember if it had any."""
    connection.execute(_DROP_NOTE, {"run": run_id})
    drop(connection, run_id)


def drop(connection: sqlite3.Connection, run_id: str) -> None:
    """Drop the run's marks and copies."""
    for table in ("perdure_marks", "perdure_kept_writes"):
        connection.execute(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))


def delete_thread(connection: sqlite3.Connection, thread_id: str) -> None:
    """Delete every row of the thread, LangGraph's and ours."""
    for table in ("checkpoints", "writes", "perdure_marks", "perdure_kept_writes", "perdure_runs"):
        connection.execute(f"DELETE FROM {table} WHERE thread_id = ?", (thread_id,))
