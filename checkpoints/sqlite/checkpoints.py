"""Checkpoints in a SQLite file: LangGraph's tables, and beside them some for fences, notes and what was kept."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from ...blocking import BUSY_TIMEOUT, QUICK, SqliteWriter, transaction, uncut
from ...contracts.closing import closing
from ...contracts.errors import FencedError, UnavailableError
from ...contracts.keyring import Keyring
from ...contracts.serialization.serde import Serializer
from ..addresses import checkpoint_address
from ..contract import GONE, Checkpoints, Guard, KnownRun, Place, RunNote
from ..rollback import read_note
from ..sealed_metadata import sealed_metadata, with_metadata
from . import pruning, rollback, thread_copy
from .saving import Save, SavingConnection, checkpoint_save, connect, writes_save

T = TypeVar("T")

_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS perdure_runs (
        run_id TEXT PRIMARY KEY,
        thread_id TEXT NOT NULL,
        fence INTEGER NOT NULL,
        note TEXT
    ) WITHOUT ROWID
    """,
    # A stateless run deletes its thread when it ends.
    "CREATE INDEX IF NOT EXISTS perdure_runs_of_thread ON perdure_runs (thread_id)",
    *rollback.TABLES,
)


class _Reader(AsyncSqliteSaver):
    """LangGraph's saver, which knows nothing of sealed metadata."""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        found = await super().aget_tuple(config)
        return None if found is None else with_metadata(found, self.serde)

    async def alist(self, config: RunnableConfig | None, **options: Any) -> AsyncIterator[CheckpointTuple]:
        async with closing(super().alist(config, **options)) as listed:
            async for found in listed:
                yield with_metadata(found, self.serde)


class SqliteCheckpoints(Checkpoints):
    """For all runs of a process, one connection that writes and one that reads; several processes may share the file.

    A write is a transaction within one visit to a thread, or a quick one on the event loop, so that it holds the lock
    of the file no longer than SQLite works, however busy the event loop is. One that was cancelled before its turn does
    not happen; one that has begun happens wholly.
    """

    def __init__(self, path: Path, *, keyring: Keyring | None = None) -> None:
        self._path = path
        self._keyring = keyring
        self._reader: AsyncSqliteSaver | None = None
        self._writer: SqliteWriter | None = None

    @property
    def saver(self) -> AsyncSqliteSaver:
        if self._reader is None:
            raise RuntimeError("these checkpoints have not been started")
        return self._reader

    async def start(self) -> None:
        self._writer = SqliteWriter(self._path, connect, keeper="checkpoints")
        try:
            await self._write(_create_tables)
            connection = await aiosqlite.connect(self._path, timeout=BUSY_TIMEOUT)
            self._reader = _Reader(connection, serde=Serializer(refuses=False, keyring=self._keyring))
            await self._reader.setup()
        except BaseException as exc:
            await self.close()
            if self.outage(exc):
                raise UnavailableError(f"the checkpoints in {self._path} cannot be used now: {exc}") from exc
            raise

    async def close(self) -> None:
        reader, self._reader, writer, self._writer = self._reader, None, self._writer, None
        try:
            if writer is not None:
                await uncut(writer.close())
        finally:  # also where a cancel has come meanwhile
            if reader is not None:
                await uncut(reader.conn.close())

    async def take(self, run_id: str, thread_id: str, *, fence: int) -> None:
        await self._write(lambda connection: _take(connection, run_id, thread_id, fence), quick=True)

    async def check(self, run_id: str, *, fence: int) -> None:
        await self._run(lambda connection: _check(connection, run_id, fence), quick=True)

    async def put(
        self,
        guard: Guard,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> None:
        serde = self.saver.serde
        save = checkpoint_save(serde, config, checkpoint, sealed_metadata(metadata, serde), new_versions)
        await self._save(guard, checkpoint_address(config, checkpoint["id"]), save)

    async def put_writes(
        self, guard: Guard, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str
    ) -> None:
        save = writes_save(self.saver.serde, config, writes, task_id, task_path)
        await self._save(guard, checkpoint_address(config), save)

    async def _save(self, guard: Guard, address: tuple[str, str, str], save: Save) -> None:
        def guarded(connection: SavingConnection) -> None:
            _check(connection, guard.run_id, guard.fence)
            if guard.keep:
                rollback.keep(connection, guard.run_id, address)
            save.call(connection.saver)

        await self._write(guarded, quick=save.size < QUICK and not guard.keep)

    async def note(self, run_id: str, note: RunNote | None = None) -> RunNote | None:
        if note is None:
            return await self._run(lambda connection: _note(connection, run_id), quick=True)

        def noted(connection: SavingConnection) -> RunNote | None:
            connection.execute(
                "UPDATE perdure_runs SET note = ? WHERE run_id = ? AND note IS NULL", (note.model_dump_json(), run_id)
            )
            return _note(connection, run_id)

        return await self._write(noted, quick=True)

    async def restore(self, run_id: str, thread_id: str, *, fence: int) -> None:
        def restored(connection: SavingConnection) -> None:
            _take(connection, run_id, thread_id, fence)
            rollback.restore(connection, run_id, thread_id)

        await self._write(restored)

    async def settle(self, run_id: str) -> None:
        await self._write(lambda connection: rollback.settle(connection, run_id))

    async def delete_thread(self, thread_id: str) -> None:
        await self._write(lambda connection: rollback.delete_thread(connection, thread_id))

    async def copy_thread(self, thread_id: str, copy_id: str) -> None:
        await self._write(lambda connection: thread_copy.copy_thread(connection, thread_id, copy_id))

    async def newest(self, thread_id: str) -> list[Place]:
        return await self._run(lambda connection: pruning.newest(connection, thread_id))

    async def prune_thread(self, guard: Guard, thread_id: str, kept: Collection[Place]) -> None:
        def pruned(connection: SavingConnection) -> None:
            _check(connection, guard.run_id, guard.fence)
            pruning.prune(connection, thread_id, kept)

        await self._write(pruned)

    async def forget(self, run_id: str) -> None:
        def forgotten(connection: SavingConnection) -> None:
            connection.execute("DELETE FROM perdure_runs WHERE run_id = ?", (run_id,))
            rollback.drop(connection, run_id)

        await self._write(forgotten)

    async def known(self, *, after: str = "", limit: int = 500) -> list[KnownRun]:
        return await self._run(lambda connection: _known(connection, after, limit))

    async def _write(self, work: Callable[[SavingConnection], T], *, quick: bool = False) -> T:
        def whole(connection: SavingConnection) -> T:
            with transaction(connection):
                return work(connection)

        return await self._run(whole, quick=quick)

    async def _run(self, work: Callable[[SavingConnection], T], *, quick: bool = False) -> T:
        if self._writer is None:
            raise RuntimeError("these checkpoints have not been started")
        return await self._writer.run(cast("Callable[[sqlite3.Connection], T]", work), quick=quick)

    def outage(self, error: BaseException) -> bool:
        return isinstance(error, sqlite3.Error | OSError)


def _create_tables(connection: SavingConnection) -> None:
    for statement in _TABLES:
        connection.execute(statement)


def _take(connection: SavingConnection, run_id: str, thread_id: str, fence: int) -> None:
    cursor = connection.execute(
        "INSERT INTO perdure_runs (run_id, thread_id, fence) VALUES (?, ?, ?) "
        "ON CONFLICT (run_id) DO UPDATE SET fence = excluded.fence WHERE fence <= excluded.fence",
        (run_id, thread_id, fence),
    )
    if cursor.rowcount != 1:
        _check(connection, run_id, fence)


def _check(connection: SavingConnection, run_id: str, fence: int) -> None:
    """Within a transaction, which holds the write lock, it is true until its end."""
    row = connection.execute("SELECT fence FROM perdure_runs WHERE run_id = ?", (run_id,)).fetchone()
    current: int = GONE if row is None else row[0]
    if fence < current:
        raise FencedError(run_id, fence, current)


def _note(connection: SavingConnection, run_id: str) -> RunNote | None:
    row = connection.execute("SELECT note FROM perdure_runs WHERE run_id = ?", (run_id,)).fetchone()
    return None if row is None else read_note(row[0])


def _known(connection: SavingConnection, after: str, limit: int) -> list[KnownRun]:
    query = "SELECT run_id, thread_id FROM perdure_runs WHERE run_id > ? ORDER BY run_id LIMIT ?"
    return [KnownRun(*row) for row in connection.execute(query, (after, limit)).fetchall()]
