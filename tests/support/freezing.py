"""Freezing a worker where others can go on without it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from .workers import WorkerProcess

FILES = ("bridge.db", "store.db", "checkpoints.db")


async def freeze(worker: WorkerProcess, home: Path) -> None:
    """SIGSTOP at a moment at which the process holds no lock: it would keep it, and nobody could write any more."""
    while True:
        worker.freeze()
        if not any(_locked(home / name) for name in FILES):
            return
        worker.thaw()
        await asyncio.sleep(0.01)


def _locked(file: Path) -> bool:
    with closing(sqlite3.connect(file, timeout=0.2, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return True
    return False
