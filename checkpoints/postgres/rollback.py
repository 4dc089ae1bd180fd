"""Marks and copies of `rollback` beside LangGraph's tables in Postgres, row by row. Every call is within a transaction.

Values of channels are shared by checkpoints (`checkpoint_blobs`). With a run's checkpoints go those to which no other
one of the namespace refers.
"""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from ..rollback import DROPPED, check_restorable, read_note

TABLES = (
    """
    CREATE TABLE perdure_marks (
        run_id TEXT NOT NULL,
        thread_id TEXT NOT NULL,
        checkpoint_ns TEXT NOT NULL,
        checkpoint_id TEXT NOT NULL,
        existed BOOLEAN NOT NULL,
        PRIMARY KEY (run_id, thread_id, checkpoint_ns, checkpoint_id)
    )
    """,
    "CREATE INDEX perdure_marks_of_thread ON perdure_marks (thread_id)",
    """
    CREATE TABLE perdure_kept_writes (
        run_id TEXT NOT NULL,
        thread_id TEXT NOT NULL,
        checkpoint_ns TEXT NOT NULL,
        checkpoint_id TEXT NOT NULL,
        task_id TEXT NOT NULL,
        task_path TEXT NOT NULL,
        idx INTEGER NOT NULL,
        channel TEXT NOT NULL,
        type TEXT,
        blob BYTEA NOT NULL,
        PRIMARY KEY (run_id, thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
    )
    """,
    "CREATE INDEX perdure_kept_writes_of_thread ON perdure_kept_writes (thread_id)",
)

_WRITE = "thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob"
_HERE = "thread_id = %(thread)s AND checkpoint_ns = %(namespace)s AND checkpoint_id = %(checkpoint)s"
_OWN = "metadata ->> 'run_id' = %(run)s"
_OF_RUN = "run_id = %(run)s AND thread_id = %(thread)s"
_PLACE = "(checkpoint_ns, checkpoint_id)"
_MARKED = f"(SELECT checkpoint_ns, checkpoint_id FROM perdure_marks WHERE {_OF_RUN})"
_SAVED = f"(SELECT checkpoint_ns, checkpoint_id FROM perdure_marks WHERE {_OF_RUN} AND NOT existed)"

KEEP = f"""
    WITH marked AS (
        INSERT INTO perdure_marks (run_id, thread_id, checkpoint_ns, checkpoint_id, existed)
        SELECT %(run)s::text, %(thread)s::text, %(namespace)s::text, %(checkpoint)s::text,
            EXISTS (SELECT 1 FROM checkpoints WHERE {_HERE})
        WHERE NOT EXISTS (SELECT 1 FROM checkpoints WHERE {_HERE} AND {_OWN})
        ON CONFLICT DO NOTHING RETURNING run_id
    )
    INSERT INTO perdure_kept_writes (run_id, {_WRITE})
    SELECT marked.run_id, {_WRITE} FROM marked, checkpoint_writes WHERE {_HERE}
"""
"""Mark a checkpoint and copy its writes, unless that was done before. One statement: it reads one state of both."""

_MARK_SAVED = f"""
    INSERT INTO perdure_marks (run_id, thread_id, checkpoint_ns, checkpoint_id, existed)
    SELECT %(run)s, thread_id, checkpoint_ns, checkpoint_id, false
    FROM checkpoints WHERE thread_id = %(thread)s AND {_OWN}
    ON CONFLICT DO NOTHING
"""
_STANDING = f"""
    SELECT
        EXISTS {_MARKED} AS marked,
        (SELECT note FROM perdure_runs WHERE run_id = %(run)s) AS note,
        (SELECT max(checkpoint_id) FROM checkpoints
         WHERE thread_id = %(thread)s AND checkpoint_ns = '' AND {_PLACE} NOT IN {_SAVED}) AS newest,
        (SELECT min(run_id) FROM perdure_marks
         WHERE thread_id = %(thread)s AND run_id <> %(run)s AND {_PLACE} IN {_SAVED}) AS follower
"""
_RESTORE = (
    f"""
    WITH versions AS (
        SELECT checkpoint_ns, version.key AS channel, version.value AS version
        FROM checkpoints, jsonb_each_text(checkpoint -> 'channel_versions') AS version
        WHERE thread_id = %(thread)s AND checkpoint_ns IN (SELECT checkpoint_ns FROM {_SAVED} AS saved)
        GROUP BY checkpoint_ns, version.key, version.value HAVING bool_and({_PLACE} IN {_SAVED})
    )
    DELETE FROM checkpoint_blobs AS blobs USING versions
    WHERE blobs.thread_id = %(thread)s AND blobs.checkpoint_ns = versions.checkpoint_ns
        AND blobs.channel = versions.channel AND blobs.version = versions.version
    """,
    f"DELETE FROM checkpoint_writes WHERE thread_id = %(thread)s AND {_PLACE} IN {_MARKED}",
    f"DELETE FROM checkpoints WHERE thread_id = %(thread)s AND {_PLACE} IN {_SAVED}",
    f"INSERT INTO checkpoint_writes ({_WRITE}) SELECT {_WRITE} FROM perdure_kept_writes WHERE {_OF_RUN}",
)

DROP_NOTE = f"""
    UPDATE perdure_runs SET note = CASE
        WHEN note = '{DROPPED}' OR EXISTS (SELECT 1 FROM perdure_marks WHERE run_id = %(run)s) THEN '{DROPPED}'
    END
    WHERE run_id = %(run)s
"""
DROP = (
    "DELETE FROM perdure_marks WHERE run_id = %(run)s",
    "DELETE FROM perdure_kept_writes WHERE run_id = %(run)s",
)
DELETE_THREAD = tuple(
    f"DELETE FROM {table} WHERE thread_id = %(thread)s"
    for table in (
        "checkpoints",
        "checkpoint_blobs",
        "checkpoint_writes",
        "perdure_marks",
        "perdure_kept_writes",
        "perdure_runs",
    )
)


async def restore(connection: AsyncConnection[DictRow], run_id: str, thread_id: str) -> None:
    """Put the thread back. Raises `RollbackError`; the caller has to roll its transaction back then."""
    names: dict[str, Any] = {"run": run_id, "thread": thread_id}
    await connection.execute(_MARK_SAVED, names)
    found = await (await connection.execute(_STANDING, names)).fetchone()
    assert found is not None
    if not found["marked"] and found["note"] != DROPPED:
        return
    note = read_note(found["note"])
    check_restorable(run_id, thread_id, note, newest=found["newest"], follower=found["follower"])
    for statement in (*_RESTORE, *DROP):
        await connection.execute(statement, names)
