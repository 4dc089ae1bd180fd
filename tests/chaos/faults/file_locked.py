"""Another process holds the write lock of one of the files, for up to ten seconds."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Literal

from ..scene import WhileRunning
from ..stage import Clients, Stage

File = Literal["bridge", "store", "checkpoints"]


class FileLocked(WhileRunning):
    def __init__(self, file: File) -> None:
        self.name = f"{file} locked"
        self._file = file

    async def strike(self, stage: Stage, clients: Clients, moments: Random) -> None:
        with locked(stage.settings.home / f"{self._file}.db"):
            await asyncio.sleep(moments.choice((moments.uniform(0.1, 4.0), moments.uniform(4.0, 10.0))))


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Nobody else writes to the SQLite file while the block runs."""
    with closing(sqlite3.connect(path, timeout=10.0, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
