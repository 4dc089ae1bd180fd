"""LangGraph's store in a SQLite file that several processes share: its own tables, its own searches.

LangGraph has two of them. Its asynchronous one belongs to one event loop, from which it takes no synchronous calls: a
plain `store.get` in an `async def` node fails there, which works with the store in memory. Here its synchronous one
works on a thread of its own, for calls of both kinds, from anywhere.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from langgraph.store.base import Op, Result, TTLConfig

from ..blocking import BUSY_TIMEOUT, private_database
from ..contracts.langgraph_json import NodeStoreConfig
from .embedding import embedding
from .node_store import NodeStore, reads_then_writes
from .sqlite_opening import opened
from .vectors import connection_class

if TYPE_CHECKING:
    # It imports numpy, a tenth of a worker's start, and most graphs use no store.
    from langgraph.store.sqlite import SqliteStore

logger = logging.getLogger(__name__)


class SqliteNodeStore(NodeStore):
    """Opened by its first call. `path`: `None` keeps it in memory, for as long as the process."""

    def __init__(self, path: Path | None, config: NodeStoreConfig) -> None:
        self._path = path
        self._config = config
        # LangGraph's `sweep_interval_minutes` is an int to its type checker only.
        self.ttl_config = cast("TTLConfig", config.ttl.model_dump())
        self._opening = Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._store: SqliteStore | None = None
        self._sweeps = False

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """What LangGraph's `get`, `search`, `put` and the others come to. It blocks: in a coroutine, `abatch`."""
        return self._thread().submit(copy_context().run, self._batch, list(ops)).result()

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """The same without blocking. Cancelled, what has begun happens wholly."""
        call = self._thread().submit(copy_context().run, self._batch, list(ops))
        return await asyncio.wrap_future(call)

    def open(self, *, sweeps: bool = False) -> None:
        self._thread().submit(self._open, sweeps).result()

    def close(self) -> None:
        """One in memory stays."""
        with self._opening:
            executor = self._executor
            if executor is None or self._path is None:
                return
            self._executor = None
            executor.submit(self._close)
            executor.shutdown()

    def _thread(self) -> ThreadPoolExecutor:
        with self._opening:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(1, thread_name_prefix="perdure-node-store")
            return self._executor

    # On the thread.

    def _batch(self, ops: Sequence[Op]) -> list[Result]:
        """Writes apart: a transaction that has read cannot write any more once another process has written.

        SQLite refuses that at once.
        """
        store, results = self._opened(), cast("list[Result]", [None] * len(ops))
        for places, some in reads_then_writes(ops):
            for place, result in zip(places, store.batch(some), strict=True):
                results[place] = result
        return results

    def _open(self, sweeps: bool) -> None:
        """A worker has one that is empty wait for its first call, which may never come."""
        self._sweeps = sweeps
        if self._store is not None:
            self._sweep(self._store)
        elif not sweeps or self._config.index is not None or self._made() > 0:
            self._opened()

    def _opened(self) -> SqliteStore:
        if self._store is None:
            self._store = opened(self._connect, self._name)
            self._sweep(self._store)
        return self._store

    def _sweep(self, store: SqliteStore) -> None:
        if self._sweeps:
            store.sweep_ttl()
            store.start_ttl_sweeper()

    @property
    def _name(self) -> str:
        return f"the store of graphs in {self._path}"

    def _made(self) -> int:
        """The size of its file, which is there now."""
        path = self._path
        if path is None:
            return 0
        opened(lambda: private_database(path), self._name)
        return path.stat().st_size

    def _connect(self) -> SqliteStore:
        from langgraph.store.sqlite import SqliteStore

        if self._path is not None:
            private_database(self._path)
        connection = sqlite3.connect(
            self._path or ":memory:",
            timeout=BUSY_TIMEOUT,
            isolation_level=None,
            check_same_thread=False,
            factory=connection_class(),
        )
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            store = SqliteStore(connection, index=self._index, ttl=self.ttl_config)
            store.setup()
        except BaseException:
            connection.close()
            raise
        return store

    @property
    def _index(self) -> Any:
        """As LangGraph's SQLite store reads it: it looks for `text_fields` where the others have `fields`."""
        index = self._config.index
        if index is None:
            return None
        fields = list(index.fields or ("$",))
        return {"dims": index.dims, "embed": embedding(index.embed), "fields": fields, "text_fields": fields}

    def _close(self) -> None:
        store, self._store, self._sweeps = self._store, None, False
        if store is not None:
            store.stop_ttl_sweeper()
            store.conn.close()
