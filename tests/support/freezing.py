"""Freezing a worker where others can go on without it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from perdure import Settings

from .rows import is_file
from .workers import WorkerProcess


async def freeze(worker: WorkerProcess, settings: Settings) -> None:
    """SIGSTOP at a moment at which the process holds no lock on a file: it would keep it, and nobody could write any
    more. (In Postgres nothing is locked while a client is awaited.)"""
    urls = (settings.bridge_url, settings.store_url, settings.checkpointer_url)
    files = [Path(url.removeprefix("sqlite:///")) for url in urls if is_file(url)]
    while True:
        worker.freeze()
        if not any(map(_locked, files)):
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
