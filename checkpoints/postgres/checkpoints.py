"""Checkpoints in a Postgres database: LangGraph's tables, and beside them some for fences, notes and what was kept."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from psycopg import Error

from ...blocking import uncut
from ...blocking.postgres_address import postgres_address
from ...blocking.postgres_calls import Pool, is_outage, make_pool, repeated, transaction
from ...blocking.postgres_errors import sqlstate_of
from ...contracts.errors import FencedError
from ...contracts.keyring import Keyring
from ...contracts.serialization.serde import Serializer
from ..addresses import checkpoint_address
from ..contract import GONE, Checkpoints, Guard, KnownRun, Place, RunNote
from ..rollback import read_note
from ..sealed_metadata import sealed_metadata
from . import fences, pruning, rollback, thread_copy
from .saving import PoolSaver, Statement, checkpoint_save, send, writes_save
from .schema import set_up

T = TypeVar("T")

_POOL = 10
"""Connections. Measured: enough for 200 runs at once in one process."""
_WHAT = "the checkpoints in"
_NOTE = "SELECT note FROM perdure_runs WHERE run_id = %(run)s"
_SET_NOTE = "UPDATE perdure_runs SET note = %(note)s WHERE run_id = %(run)s AND note IS NULL"
_KNOWN = """
    SELECT run_id, thread_id FROM perdure_runs WHERE run_id > %(after)s ORDER BY run_id LIMIT %(limit)s
"""
_FORGET = "DELETE FROM perdure_runs WHERE run_id = %(run)s"


class PostgresCheckpoints(Checkpoints):
    """For all runs of a process a few connections. Every call may happen twice, and is repeated when one is lost."""

    def __init__(self, url: str, *, setting: str = "checkpointer.url", keyring: Keyring | None = None) -> None:
        """Raises `ConfigError`."""
        self._keyring = keyring
        self.address = postgres_address(setting, url)
        """Of the database."""
        self._pool: Pool | None = None
        self._saver: PoolSaver | None = None

    @property
    def saver(self) -> PoolSaver:
        if self._saver is None:
            raise RuntimeError("these checkpoints have not been started")
        return self._saver

    @property
    def is_open(self) -> bool:
        """Whether they have been started, and not closed."""
        return self._pool is not None

    async def start(self) -> None:
        try:
            await set_up(self.address)
        except (Error, OSError) as exc:
            raise self.address.unavailable(_WHAT, exc) from exc
        self._pool = make_pool(self.address, size=_POOL)
        await self._pool.open()
        self._saver = PoolSaver(self._pool, self.address, Serializer(refuses=False, keyring=self._keyring))

    async def close(self) -> None:
        pool, self._pool, self._saver = self._pool, None, None
        if pool is not None:
            await uncut(pool.close())

    async def take(self, run_id: str, thread_id: str, *, fence: int) -> None:
        await self._send(run_id, fence, [_statement(fences.TAKE, run=run_id, thread=thread_id, fence=fence)])

    async def check(self, run_id: str, *, fence: int) -> None:
        await self._send(run_id, fence, [_statement(fences.CHECK, run=run_id, fence=fence)])

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

    async def _save(self, guard: Guard, address: tuple[str, str, str], save: Sequence[Statement]) -> None:
        before = [_statement(fences.CHECK, run=guard.run_id, fence=guard.fence)]
        if guard.keep:
            thread_id, namespace, checkpoint_id = address
            place = {"thread": thread_id, "namespace": namespace, "checkpoint": checkpoint_id}
            before.append(_statement(rollback.KEEP, run=guard.run_id, **place))
        await self._send(guard.run_id, guard.fence, [*before, *save])

    async def note(self, run_id: str, note: RunNote | None = None) -> RunNote | None:
        async def noted() -> RunNote | None:
            async with self._opened.connection() as connection:
                if note is not None:
                    await connection.execute(_SET_NOTE, {"run": run_id, "note": note.model_dump_json()})
                row = await (await connection.execute(_NOTE, {"run": run_id})).fetchone()
            return None if row is None else read_note(row["note"])

        return await self._call(noted)

    async def restore(self, run_id: str, thread_id: str, *, fence: int) -> None:
        async def restored() -> None:
            async with transaction(self._opened) as connection:
                await connection.execute(fences.TAKE, {"run": run_id, "thread": thread_id, "fence": fence})
                await rollback.restore(connection, run_id, thread_id)

        await self._call(restored, run_id, fence)

    async def settle(self, run_id: str) -> None:
        await self._alone(run_id, rollback.DROP_NOTE, *rollback.DROP)

    async def forget(self, run_id: str) -> None:
        await self._alone(run_id, _FORGET, *rollback.DROP)

    async def known(self, *, after: str = "", limit: int = 500) -> list[KnownRun]:
        async def listed() -> list[KnownRun]:
            async with self._opened.connection() as connection:
                cursor = await connection.execute(_KNOWN, {"after": after, "limit": limit})
                return [KnownRun(row["run_id"], row["thread_id"]) for row in await cursor.fetchall()]

        return await self._call(listed)

    async def delete_thread(self, thread_id: str) -> None:
        texts = (fences.LOCK_THREAD, *rollback.DELETE_THREAD)
        await self._send("", 0, [_statement(text, thread=thread_id) for text in texts])

    async def copy_thread(self, thread_id: str, copy_id: str) -> None:
        async def copied() -> None:
            async with transaction(self._opened) as connection:
                for text in (thread_copy.LOCK, thread_copy.COPY):
                    await connection.execute(text, {"thread": thread_id, "copy": copy_id})

        await self._call(copied)

    async def newest(self, thread_id: str) -> list[Place]:
        async def found() -> list[Place]:
            async with self._opened.connection() as connection:
                cursor = await connection.execute(pruning.NEWEST, {"thread": thread_id})
                return [(row["checkpoint_ns"], row["checkpoint_id"]) for row in await cursor.fetchall()]

        return await self._call(found)

    async def prune_thread(self, guard: Guard, thread_id: str, kept: Collection[Place]) -> None:
        check = _statement(fences.CHECK, run=guard.run_id, fence=guard.fence)
        places = json.dumps([*kept])
        pruned = [_statement(text, thread=thread_id, kept=places) for text in pruning.PRUNE]
        await self._send(guard.run_id, guard.fence, [check, *pruned])

    async def _alone(self, run_id: str, *texts: str) -> None:
        await self._send(run_id, 0, [_statement(text, run=run_id) for text in (fences.LOCK, *texts)])

    async def _send(self, run_id: str, fence: int, statements: Sequence[Statement]) -> None:
        async def sent() -> None:
            async with self._opened.connection() as connection:
                await send(connection, statements)

        await self._call(sent, run_id, fence)

    async def _call(self, call: Callable[[], Awaitable[T]], run_id: str = "", fence: int = 0) -> T:
        try:
            return await repeated(self.address, _WHAT, lambda: uncut(call()))
        except Error as exc:
            if sqlstate_of(exc) == fences.REFUSED:
                raise FencedError(run_id, fence, int(exc.diag.message_primary or GONE)) from exc
            raise

    @property
    def _opened(self) -> Pool:
        if self._pool is None:
            raise RuntimeError("these checkpoints have not been started")
        return self._pool

    def outage(self, error: BaseException) -> bool:
        return is_outage(error)


def _statement(text: str, **parameters: str | int) -> Statement:
    return Statement(text, [parameters])
