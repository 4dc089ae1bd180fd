"""What a worker gives to its graphs beside their checkpointer."""

from __future__ import annotations

import asyncio
from typing import Any

from langgraph.cache.base import BaseCache

from .node_store import NodeStore
from .sqlite_cache import SqliteNodeCache


class NodeMemory:
    """The store and the cache of those graphs that were compiled without one."""

    def __init__(self, store: NodeStore, cache: BaseCache[Any]) -> None:
        self.store = store
        self.cache = cache

    async def start(self) -> None:
        """Open them, and remove what has expired, the store's items from now on. Raises `UnavailableError`."""
        await asyncio.to_thread(self.store.open, sweeps=True)
        if isinstance(self.cache, SqliteNodeCache):
            await asyncio.to_thread(self.cache.remove_expired)

    async def close(self) -> None:
        """Idempotent."""
        await asyncio.to_thread(self.store.close)
        if isinstance(self.cache, SqliteNodeCache):
            await asyncio.to_thread(self.cache.close)
