"""What stands of a thread in the checkpoints' file, row by row."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from perdure import Settings

Rows = dict[str, list[tuple[object, ...]]]


def thread_rows(settings: Settings, thread_id: str) -> Rows:
    """LangGraph's tables, as far as they are of this thread."""
    path = settings.checkpointer_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table} WHERE thread_id = ?", (thread_id,)), key=repr)
            for table in ("checkpoints", "writes")
        }
