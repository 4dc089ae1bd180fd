"""The SQLite bridge keeps every promise."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from perdure.bridge.conformance import Faults
from perdure.bridge.conformance.suite import BridgeConformance


class DamagedFile(Faults):
    """SQLite loses nothing by itself."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def remove(self, run_id: str, first: int, last: int) -> None:
        with closing(sqlite3.connect(self._path)) as connection:
            stream = connection.execute("SELECT stream FROM streams WHERE run_id = ?", (run_id,)).fetchone()[0]
            among = "stream = ? AND id BETWEEN ? AND ?"
            gone = connection.execute(f"DELETE FROM events WHERE {among}", (stream, first, last)).rowcount
            connection.commit()
        assert gone == last + 1 - first


class TestSqliteBridge(BridgeConformance):
    @pytest.fixture(autouse=True)
    def damages(self, path: Path) -> None:
        self.faults = DamagedFile(path)
