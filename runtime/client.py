"""`connect`: from settings to a `RunsFacade`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..contracts.settings import Settings, load_settings
from ..facade.runs import RunsFacade
from .back_ends import settings_bridge, settings_store
from .keys import open_keyring_aside, shown_users
from .states import LazyStates
from .telemetry import set_up_telemetry

if TYPE_CHECKING:
    from temporalio.client import Client

    from ..facade.submission import Polling
    from ..memory import NodeStore


class LazyTemporal:
    """A connection that is made when it is first needed: records and streams can be read without Temporal."""

    def __init__(
        self, settings: Settings, client: Client | None = None, *, before: Callable[[], None] | None = None
    ) -> None:
        """`before` is called before the first connection; `client`: one that is there already."""
        self._settings = settings
        self._before = before
        self._client = client
        self._connecting = asyncio.Lock()

    async def __call__(self) -> Client:
        """The client. Raises `TemporalUnreachableError`; the next call tries again."""
        async with self._connecting:
            if self._client is None:
                from .connection import connect_temporal  # here, for Temporal's client takes long to load

                if self._before is not None:
                    self._before()
                self._client = await connect_temporal(self._settings)
            return self._client


class LazyNodeStore:
    """LangGraph's store, which is rarely asked for: LangGraph takes a second to import."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store: NodeStore | None = None

    def __call__(self) -> NodeStore:
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
        from .connection import check_client

        check_client(client, settings)
    async with open_facade(settings, LazyTemporal(settings, client)) as runs:
        yield runs


@asynccontextmanager
async def open_facade(settings: Settings, temporal: LazyTemporal) -> AsyncGenerator[RunsFacade]:
    """The same, with a connection to Temporal of one's own."""
    set_up_telemetry()
    await open_keyring_aside(settings.encryption)
    store, bridge = settings_store(settings), settings_bridge(settings)
    states, node_store = LazyStates(settings), LazyNodeStore(settings)
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
            workers_polling=partial(_look_at_pollers, installation=store.installation),
            show_user=shown_users(settings),
        )
    finally:
        await node_store.close()
        await states.close()
        await bridge.close()
        await store.close()


async def _look_at_pollers(client: Client, task_queue: str, installation: str) -> Polling:
    from .pollers import look_at_pollers

    return await look_at_pollers(client, task_queue, installation)
