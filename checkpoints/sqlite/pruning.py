"""Checkpoints that are not needed any more, row by row."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection

from ..contract import Place

_NEWEST = "SELECT checkpoint_ns, max(checkpoint_id) FROM checkpoints WHERE thread_id = ? GROUP BY checkpoint_ns"
_KEPT = "(SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:kept))"
_REMOVE = tuple(
    f"DELETE FROM {table} WHERE thread_id = :thread AND (checkpoint_ns, checkpoint_id) NOT IN {_KEPT}"
    for table in ("writes", "checkpoints")
)


def newest(connection: sqlite3.Connection, thread_id: str) -> list[Place]:
    """Of each graph."""
    return [(namespace, checkpoint_id) for namespace, checkpoint_id in connection.execute(_NEWEST, (thread_id,))]


def prune(connection: sqlite3.Connection, thread_id: str, kept: Collection[Place]) -> None:
    """All but these. Within a transaction."""
    for statement in _REMOVE:
        connection.execute(statement, {"thread": thread_id, "kept": json.dumps([*kept])})
