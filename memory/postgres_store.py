"""LangGraph's store in a Postgres database: its own tables, its own searches.

Its asynchronous store belongs to one event loop, from which it takes no synchronous calls. So it has a loop of its own,
to which calls of both kinds are handed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Any, cast

from langgraph.store.base import Op, Result, TTLConfig
from langgraph.store.postgres.aio import AsyncPostgresStore
from psycopg import AsyncConnection, Error
from psycopg.errors import FeatureNotSupported, UndefinedFile, UndefinedTable
from psycopg.rows import DictRow

from ..blocking.postgres_address import postgres_address
from ..blocking.postgres_calls import Pool, make_pool, repeated
from ..blocking.postgres_setup import alone, connect, drop_unfinished
from ..contracts.errors import ConfigError
from ..contracts.langgraph_json import NodeStoreConfig
from .loop_thread import LoopThread
from .node_store import NodeStore, reads_then_writes

_WHAT = "the store of graphs in"
_POOL = 5
"""Connections of a process."""
_TABLES = ("store", "store_vectors")


class PostgresNodeStore(NodeStore):
    """A call is repeated when its connection is lost: an item is put at least once, like all that a node does."""

    def __init__(self, url: str, config: NodeStoreConfig) -> None:
        """Raises `ConfigError`."""
        self._address = postgres_address("langgraph_store.url", url)
        self._config = config
        # LangGraph's `sweep_interval_minutes` is an int to its type checker only.
        self.ttl_config = cast("TTLConfig", config.ttl.model_dump())
        self._starting = Lock()
        self._thread: LoopThread | None = None
        self._opening = asyncio.Lock()
        self._store: AsyncPostgresStore | None = None

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """What LangGraph's `get`, `search`, `put` and the others come to. It blocks: in a coroutine, `abatch`."""
        return self._started().submit(self._batch([*ops])).result()

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """The same without blocking. It happens wholly, also when the caller is cancelled."""
        call = self._started().submit(self._batch([*ops]))
        return await asyncio.shield(asyncio.wrap_future(call))

    def open(self, *, sweeps: bool = False) -> None:
        self._started().submit(self._open_and_sweep() if sweeps else self._opened()).result()

    def close(self) -> None:
        with self._starting:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.submit(self._close()).result()
            thread.stop()
            self._opening = asyncio.Lock()  # the old one may be bound to the loop that has gone

    def _started(self) -> LoopThread:
        with self._starting:
            if self._thread is None:
                self._thread = LoopThread("perdure-node-store")
            return self._thread

    # In the loop.

    async def _batch(self, ops: Sequence[Op]) -> list[Result]:
        """Writes apart: their transaction waits for no embedding."""
        store, results = await self._opened(), cast("list[Result]", [None] * len(ops))
        for places, some in reads_then_writes(ops):
            found = await repeated(self._address, _WHAT, lambda some=some: store.abatch(some))
            for place, result in zip(places, found, strict=True):
                results[place] = result
        return results

    async def _opened(self) -> AsyncPostgresStore:
        async with self._opening:
            if self._store is None:
                try:
                    await self._set_up()
                except (Error, OSError) as exc:
                    raise self._address.unavailable(_WHAT, exc) from exc
                pool = make_pool(self._address, size=_POOL)
                await pool.open()
                self._store = self._store_over(pool)
            return self._store

    async def _open_and_sweep(self) -> None:
        store = await self._opened()
        await repeated(self._address, _WHAT, store.sweep_ttl)
        await store.start_ttl_sweeper()

    def _store_over(self, connection: Pool | AsyncConnection[DictRow]) -> AsyncPostgresStore:
        return AsyncPostgresStore(connection, index=self._index, ttl=self.ttl_config)

    @property
    def _index(self) -> Any:
        index = self._config.index
        if index is None:
            return None
        fields = {} if index.fields is None else {"fields": [*index.fields]}
        return {"dims": index.dims, "embed": index.embed, **fields}

    async def _set_up(self) -> None:
        async with await connect(self._address) as connection:
            if await self._is_newest(connection):
                return
        async with alone(self._address, "store of graphs") as connection:
            await drop_unfinished(connection, _TABLES)
            try:
                await self._store_over(connection).setup()
            except (FeatureNotSupported, UndefinedFile) as exc:
                raise ConfigError(
                    f"langgraph_store.url: store.index of langgraph.json needs the extension pgvector, which the "
                    f"server of {self._address.shown} does not have (on Debian: apt install postgresql-17-pgvector)"
                ) from exc

    async def _is_newest(self, connection: AsyncConnection[DictRow]) -> bool:
        tables = {"store_migrations": len(AsyncPostgresStore.MIGRATIONS)}
        if self._config.index is not None:
            tables["vector_migrations"] = len(AsyncPostgresStore.VECTOR_MIGRATIONS)
        for table, newest in tables.items():
            try:
                row = await (await connection.execute(f"SELECT max(v) AS v FROM {table}".encode())).fetchone()
            except UndefinedTable:
                return False
            if row is None or row["v"] is None or row["v"] < newest - 1:
                return False
        return True

    async def _close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            await store.stop_ttl_sweeper()
            await cast("Pool", store.conn).close()
