"""Checkpoints of each back end, and what a saver does beside its saves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from support.postgres import PostgresServer, database_of, empty

from perdure.checkpoints.conformance.making import Hooks
from perdure.checkpoints.contract import Checkpoints
from perdure.checkpoints.memory.checkpoints import MemoryCheckpoints
from perdure.checkpoints.postgres import PostgresCheckpoints
from perdure.checkpoints.sqlite.checkpoints import SqliteCheckpoints
from perdure.checkpoints.sqlite.saving import SavingConnection, connect

from .threads import CONNECTIONS


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


@pytest.fixture(scope="session")
async def started(postgres: PostgresServer) -> AsyncIterator[PostgresCheckpoints]:
    """In a database for the session: to begin with another one for each test costs more than many a test."""
    with database_of(postgres) as url:
        checkpoints = PostgresCheckpoints(url)
        await checkpoints.start()
        with psycopg.connect(url, autocommit=True) as connection:
            CONNECTIONS[checkpoints.address.conninfo] = connection
            yield checkpoints
        await checkpoints.close()


@pytest.fixture
def url(started: PostgresCheckpoints) -> str:
    """Of that database, without rows."""
    connection = CONNECTIONS[started.address.conninfo]
    empty(connection, "checkpoint_migrations", "perdure_migrations")
    info = connection.info
    return f"postgresql://{info.user}@{info.host}:{info.port}/{info.dbname}"


@pytest.fixture
async def in_postgres(started: PostgresCheckpoints, url: str) -> AsyncIterator[PostgresCheckpoints]:
    yield started
    if not started.is_open:
        await started.start()


@pytest.fixture
def in_memory() -> MemoryCheckpoints:
    return MemoryCheckpoints()


@pytest.fixture(params=["sqlite", "in_memory", pytest.param("in_postgres", marks=pytest.mark.server)])
def checkpoints(request: pytest.FixtureRequest) -> Checkpoints:
    """Of each back end."""
    return request.getfixturevalue(request.param)
