"""Checkpoints of each back end, and what a saver does beside its saves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from perdure.checkpoints.conformance.making import Hooks
from perdure.checkpoints.contract import Checkpoints
from perdure.checkpoints.memory.checkpoints import MemoryCheckpoints
from perdure.checkpoints.sqlite.checkpoints import SqliteCheckpoints
from perdure.checkpoints.sqlite.saving import SavingConnection, connect


@pytest.fixture
def hooks() -> Hooks:
    return Hooks()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "checkpoints.db"


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the connections that write, of checkpoints started from now on, say to SQLite."""
    said: list[str] = []

    def traced(path: Path) -> SavingConnection:
        connection = connect(path)
        connection.set_trace_callback(said.append)
        return connection

    monkeypatch.setattr("perdure.checkpoints.sqlite.checkpoints.connect", traced)
    return said


@pytest.fixture
async def sqlite(path: Path) -> AsyncIterator[SqliteCheckpoints]:
    checkpoints = SqliteCheckpoints(path)
    await checkpoints.start()
    yield checkpoints
    await checkpoints.close()


@pytest.fixture
async def peer(sqlite: SqliteCheckpoints, path: Path) -> AsyncIterator[SqliteCheckpoints]:
    """A second connection to the same file."""
    checkpoints = SqliteCheckpoints(path)
    await checkpoints.start()
    yield checkpoints
    await checkpoints.close()


@pytest.fixture(params=["sqlite", "memory"])
async def checkpoints(request: pytest.FixtureRequest, path: Path) -> AsyncIterator[Checkpoints]:
    """Of each back end."""
    opened = SqliteCheckpoints(path) if request.param == "sqlite" else MemoryCheckpoints()
    await opened.start()
    yield opened
    await opened.close()
