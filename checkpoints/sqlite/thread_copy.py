"""The checkpoints of a thread, once more under the id of another one."""

from __future__ import annotations

import sqlite3

_EXISTS = "SELECT 1 FROM checkpoints WHERE thread_id = ? LIMIT 1"
_CHECKPOINTS = """
    INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata)
    SELECT :copy, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint,
        CAST(json_replace(CAST(metadata AS TEXT), '$.thread_id', :copy) AS BLOB)
    FROM checkpoints WHERE thread_id = :thread
"""
_WRITES = """
    INSERT INTO writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value)
    SELECT :copy, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value
    FROM writes WHERE thread_id = :thread
"""


def copy_thread(connection: sqlite3.Connection, thread_id: str, copy_id: str) -> None:
    """Unless the copy has checkpoints. Within a transaction."""
    if connection.execute(_EXISTS, (copy_id,)).fetchone() is not None:
        return
    for statement in (_CHECKPOINTS, _WRITES):
        connection.execute(statement, {"thread": thread_id, "copy": copy_id})
