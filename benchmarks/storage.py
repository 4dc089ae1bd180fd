"""What a SQLite file holds, the part that is still in its write-ahead log included."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def used_bytes(path: Path) -> int:
    """In whole pages."""
    with closing(sqlite3.connect(path)) as database:
        pages, free, size = (
            int(database.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
    return (pages - free) * size
