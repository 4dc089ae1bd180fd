"""Checkpoints in a SQLite file: `AsyncSqliteSaver`, and beside its tables some for fences, notes and what was kept."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import aiosqlite
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from ..contracts.errors import FencedError, UnavailableError
from . import sqlite_rollback
from .contract import Checkpoints, RunNote

_BUSY_TIMEOUT = 5.0  # seconds that a write waits for another process's transaction

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
    *sqlite_rollback.TABLES,
)


class SqliteCheckpoints(Checkpoints):
    """One connection for all runs of a process; several processes may share the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._saver: AsyncSqliteSaver | None = None
        self._writing = asyncio.Lock()
        """Between the fence's check and the commit no other write of this connection may begin."""

    @property
    def saver(self) -> AsyncSqliteSaver:
        if self._saver is None:
            raise RuntimeError("these checkpoints have not been started")
        return self._saver

    async def start(self) -> None:
        with self._translated():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._saver = AsyncSqliteSaver(await aiosqlite.connect(self._path, timeout=_BUSY_TIMEOUT))
            try:
                await self._set_up(self._saver)
            except BaseException:
                await self.close()
                raise

    async def _set_up(self, saver: AsyncSqliteSaver) -> None:
        # A finished superstep survives kill -9 without a disk sync for each; facts: 3 to 10 times the speed.
        await saver.conn.execute("PRAGMA synchronous=NORMAL")
        await saver.setup()
        for statement in _TABLES:
            await saver.conn.execute(statement)
        await saver.conn.commit()

    async def close(self) -> None:
        if self._saver is not None:
            async with self._writing:
                await self._saver.conn.close()
            self._saver = None

    async def take(self, run_id: str, thread_id: str, *, fence: int) -> None:
        async with self._transaction() as connection:
            await self._take(connection, run_id, thread_id, fence)

    async def _take(self, connection: aiosqlite.Connection, run_id: str, thread_id: str, fence: int) -> None:
        cursor = await connection.execute(
            "INSERT INTO perdure_runs (run_id, thread_id, fence) VALUES (?, ?, ?) "
            "ON CONFLICT (run_id) DO UPDATE SET fence = excluded.fence WHERE fence <= excluded.fence",
            (run_id, thread_id, fence),
        )
        if cursor.rowcount != 1:
            raise await self._fenced(connection, run_id, fence)

    @asynccontextmanager
    async def guard(self, run_id: str, *, fence: int) -> AsyncGenerator[None]:
        async with self._writing, self._rolled_back_on_failure() as connection:
            async with self.saver.lock:
                # A no-op update: it takes the write lock and looks at the fence in one round trip.
                cursor = await connection.execute(
                    "UPDATE perdure_runs SET fence = fence WHERE run_id = ? AND fence <= ?", (run_id, fence)
                )
            if cursor.rowcount != 1:
                raise await self._fenced(connection, run_id, fence)
            yield  # a save of LangGraph's, which takes the lock itself, commits; without one, so do we

    async def keep(self, run_id: str, thread_id: str, *, namespace: str, checkpoint_id: str) -> None:
        await sqlite_rollback.keep(self.saver.conn, run_id, (thread_id, namespace, checkpoint_id))

    async def note(self, run_id: str, note: RunNote | None = None) -> RunNote | None:
        async with self._transaction() as connection:
            if note is not None:
                await connection.execute(
                    "UPDATE perdure_runs SET note = ? WHERE run_id = ? AND note IS NULL",
                    (note.model_dump_json(), run_id),
                )
            rows = await connection.execute_fetchall("SELECT note FROM perdure_runs WHERE run_id = ?", (run_id,))
        return sqlite_rollback.read_note(next((row[0] for row in rows), None))

    async def restore(self, run_id: str, thread_id: str, *, fence: int) -> None:
        async with self._transaction() as connection:
            await self._take(connection, run_id, thread_id, fence)
            await sqlite_rollback.restore(connection, run_id, thread_id)

    async def settle(self, run_id: str) -> None:
        async with self._transaction() as connection:
            await sqlite_rollback.settle(connection, run_id)

    async def delete_thread(self, thread_id: str) -> None:
        async with self._transaction() as connection:
            await sqlite_rollback.delete_thread(connection, thread_id)

    async def forget(self, run_id: str) -> None:
        async with self._transaction() as connection:
            await connection.execute("DELETE FROM perdure_runs WHERE run_id = ?", (run_id,))
            await sqlite_rollback.drop(connection, run_id)

    @asynccontextmanager
    async def _transaction(self) -> AsyncGenerator[aiosqlite.Connection]:
        """The connection for one write, without readers.

        They would see what is not committed yet; and what one has read so far pins the connection to that state, so
        that SQLite refuses a write at once when another process has written since.
        """
        async with self._writing, self.saver.lock, self._rolled_back_on_failure() as connection:
            yield connection

    @asynccontextmanager
    async def _rolled_back_on_failure(self) -> AsyncGenerator[aiosqlite.Connection]:
        """Committed in the end. Cancelled or failed, all of it is rolled back."""
        connection = self.saver.conn
        try:
            with self._translated():
                yield connection
                if connection.in_transaction:
                    await connection.commit()
        except BaseException:
            # Shielded: a second cancellation must not leave the transaction, and with it the file, locked.
            with suppress(aiosqlite.Error, ValueError):
                await asyncio.shield(asyncio.ensure_future(connection.rollback()))
            raise

    def outage(self, error: BaseException) -> bool:
        return isinstance(error, sqlite3.Error | OSError)

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as exc:
            raise UnavailableError(f"the checkpoints in {self._path} cannot be used now: {exc}") from exc

    async def _fenced(self, connection: aiosqlite.Connection, run_id: str, fence: int) -> FencedError:
        rows = await connection.execute_fetchall("SELECT fence FROM perdure_runs WHERE run_id = ?", (run_id,))
        # No row: the run was deleted, which outranks every attempt.
        return FencedError(run_id, fence, next((row[0] for row in rows), 2**62))
