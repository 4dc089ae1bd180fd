"""`connect`: from settings to a `RunsFacade`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from temporalio.client import Client

from ..bridge.open import open_bridge
from ..contracts.settings import Settings, load_settings
from ..facade.runs import RunsFacade
from ..store.open import open_store
from .connection import connect_temporal, require_pydantic, workers_polling
from .states import LazyStates
from .telemetry import set_up_telemetry

if TYPE_CHECKING:
    from ..memory import SqliteNodeStore


class LazyTemporal:
    """A connection that is made when it is first needed: records and streams can be read without Temporal."""

    def __init__(self, settings: Settings, client: Client | None = None) -> None:
        self._settings = settings
        self._client = client
        self._connecting = asyncio.Lock()

    async def __call__(self) -> Client:
        """The client. Raises `TemporalUnreachableError`; the next call tries again."""
        async with self._connecting:
            if self._client is None:
                self._client = await connect_temporal(self._settings)
            return self._client


class LazyNodeStore:
    """LangGraph's store, which is rarely asked for: LangGraph takes a second to import."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store: SqliteNodeStore | None = None

    def __call__(self) -> SqliteNodeStore:
        """Always the same. Raises `ConfigError` and `GraphLoadError`."""
        if self._store is None:
            from .node_memory import settings_store

            self._store = settings_store(self._settings)
        return self._store

    async def close(self) -> None:
        """Idempotent."""
        if self._store is not None:
            await asyncio.to_thread(self._store.close)


@asynccontextmanager
async def connect(
    *, settings: Settings | None = None, config: str | Path | None = None, client: Client | None = None
) -> AsyncGenerator[RunsFacade]:
    """A `RunsFacade` over the parts that the settings name: `async with perdure.connect() as runs: ...`.

    `settings`, or the file `config`, or what `load_settings` finds. `client`: a client of Temporal that is there
    already, with its codec and interceptors, instead of the connection that the settings name. Raises `ConfigError`
    and `UnavailableError`; Temporal itself is reached for by the first call that needs it.
    """
    settings = settings or load_settings(config)
    if client is not None:
        require_pydantic(client)
    set_up_telemetry()
    store, bridge = open_store(settings.store_url), open_bridge(settings.bridge_url)
    states, temporal = LazyStates(settings.checkpointer_url), LazyTemporal(settings, client)
    node_store = LazyNodeStore(settings)
    try:
        await store.start()
        await bridge.start()
        yield RunsFacade(
            settings,
            store=store,
            bridge=bridge,
            stored=states,
            node_store=node_store,
            temporal=temporal,
            workers_polling=workers_polling,
        )
    finally:
        await node_store.close()
        await states.close()
        await bridge.close()
        await store.close()
