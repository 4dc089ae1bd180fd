"""Checkpoints of each back end, and what a saver does beside its saves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import CheckpointTuple

from perdure.checkpoints.contract import Checkpoints, Guard
from perdure.checkpoints.memory.checkpoints import MemoryCheckpoints
from perdure.checkpoints.sqlite.checkpoints import SqliteCheckpoints
from perdure.checkpoints.sqlite.saving import SavingConnection, connect

AT: Any = {"configurable": {"thread_id": "thread", "checkpoint_ns": "", "checkpoint_id": "c"}}


async def save(checkpoints: Checkpoints, guard: Guard, config: Any = AT) -> None:
    """A task without writes is saved: all that is done is what the guard says."""
    await checkpoints.put_writes(guard, config, [], "task", "")


class Hooks:
    """Does nothing, and keeps what it was told."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def before_writes(
        self, task_id: str, task_path: str, writes: Sequence[tuple[str, Any]], *, namespace: str
    ) -> None:
        self.calls.append("before writes")

    def after_writes(self, task_id: str, *, saved: bool, given_up: bool = False) -> None:
        self.calls.append("saved writes" if saved else "lost writes")

    async def before_checkpoint(self, checkpoint_id: str, *, namespace: str) -> None:
        self.calls.append("before checkpoint")

    def after_checkpoint(self, checkpoint_id: str, *, saved: bool, given_up: bool = False) -> None:
        self.calls.append("saved checkpoint" if saved else "lost checkpoint")

    def loaded(self, found: CheckpointTuple) -> None:
        self.calls.append("loaded")


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
