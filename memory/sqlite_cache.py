"""LangGraph's cache of nodes in a SQLite file that several processes share."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import Any

from langgraph.cache.base import BaseCache, FullKey, Namespace
from langgraph.cache.sqlite import SqliteCache

from ..blocking import BUSY_TIMEOUT, private_database
from ..contracts.keyring import Keyring
from ..contracts.serialization.serde import Serializer
from .sqlite_opening import opened

logger = logging.getLogger(__name__)


class SqliteNodeCache(BaseCache[Any]):
    """Opened by its first call. A cache is an aid: where it fails, nodes run, and a warning says why."""

    def __init__(self, path: Path, *, keyring: Keyring | None = None) -> None:
        super().__init__()
        self._keyring = keyring
        self._path = path
        self._cache: SqliteCache[Any] | None = None
        self._opening = Lock()
        self._executor: ThreadPoolExecutor | None = None

    def get(self, keys: Sequence[FullKey]) -> dict[FullKey, Any]:
        try:
            return self._opened().get(keys)
        except Exception as exc:  # noqa: BLE001 - also a value that cannot be read back: then the node runs
            logger.warning("LangGraph's cache in %s cannot be read, nodes run instead: %r", self._path, exc)
            return {}

    def set(self, pairs: Mapping[FullKey, tuple[Any, int | None]]) -> None:
        try:
            self._opened().set(pairs)
        except Exception as exc:  # noqa: BLE001 - also a value without a form: without a cache its node would not fail
            nodes = ", ".join(sorted({namespace[-1] for namespace, _ in pairs}))
            logger.warning("the result of %s is not kept in LangGraph's cache in %s: %r", nodes, self._path, exc)

    def clear(self, namespaces: Sequence[Namespace] | None = None) -> None:
        self._opened().clear(namespaces)

    async def aget(self, keys: Sequence[FullKey]) -> dict[FullKey, Any]:
        return await asyncio.get_running_loop().run_in_executor(self._thread(), self.get, keys)

    async def aset(self, pairs: Mapping[FullKey, tuple[Any, int | None]]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread(), self.set, pairs)

    async def aclear(self, namespaces: Sequence[Namespace] | None = None) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread(), self.clear, namespaces)

    def remove_expired(self) -> None:
        """LangGraph removes an entry when it is asked for again, which may be never."""
        self._opened()
        with closing(sqlite3.connect(self._path, timeout=BUSY_TIMEOUT)) as connection, connection:
            connection.execute("DELETE FROM cache WHERE expiry < ?", (time.time(),))

    def close(self) -> None:
        """Idempotent; another call opens it again."""
        with self._opening:
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown()
        with self._opening:
            self._cache = None  # which closes its connection

    def _thread(self) -> ThreadPoolExecutor:
        # Not the event loop's own threads, which plain `def` nodes may all be holding.
        with self._opening:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(1, thread_name_prefix="perdure-node-cache")
            return self._executor

    def _opened(self) -> SqliteCache[Any]:
        with self._opening:
            if self._cache is None:
                private_database(self._path)
                serde = Serializer(keyring=self._keyring)
                self._cache = opened(
                    lambda: SqliteCache[Any](path=str(self._path), serde=serde), f"the cache in {self._path}"
                )
            return self._cache
