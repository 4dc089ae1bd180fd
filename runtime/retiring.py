"""The retention of an installation: from its settings, over its back ends, for a worker or for one round."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial

from temporalio.client import Client

from ..activities import BackEnds
from ..contracts.settings import Settings
from ..facade.submission import Submitter
from ..store.contract import Store
from .back_ends import settings_bridge, settings_checkpoints, settings_store
from .client import LazyTemporal
from .keys import open_keyring_aside, shown_users
from .pollers import look_at_pollers
from .retention import Retention


class ThreadRemoval:
    """Has threads that nobody uses removed by their workflows; connects when the first is to go."""

    def __init__(self, settings: Settings, store: Store, temporal: Callable[[], Awaitable[Client]]) -> None:
        self._store = store
        self._temporal = temporal
        polling = partial(look_at_pollers, installation=store.installation)
        self._submitter = Submitter(settings.temporal, polling, store.installation, shown_users(settings))

    async def __call__(self, thread_id: str, unused_since: datetime) -> bool:
        """Whether it was there and is gone. Raises `UnavailableError`; safe to repeat."""
        client = await self._temporal()
        await self._submitter.wait_for_worker(client)
        line = await self._store.line(thread_id)
        return await self._submitter.delete_thread(client, thread_id, line, unused_since=unused_since)


def retention_of_worker(settings: Settings, ends: BackEnds, client: Client) -> Retention | None:
    """`None`: everything is kept."""
    if not settings.retention.is_set:
        return None
    removal = ThreadRemoval(settings, ends.store, LazyTemporal(settings, client))
    return Retention(
        settings.retention,
        store=ends.store,
        bridge=ends.bridge,
        checkpoints=ends.checkpoints,
        remove_thread=removal,
    )


@asynccontextmanager
async def opened_retention(settings: Settings, temporal: LazyTemporal, *, dry: bool) -> AsyncGenerator[Retention]:
    """Over back ends that are opened for the block. Raises `ConfigError` and `UnavailableError`."""
    await open_keyring_aside(settings.encryption)
    store, bridge, checkpoints = settings_store(settings), settings_bridge(settings), settings_checkpoints(settings)
    try:
        for part in (store, bridge, checkpoints):
            await part.start()
        removal = ThreadRemoval(settings, store, temporal)
        yield Retention(
            settings.retention, store=store, bridge=bridge, checkpoints=checkpoints, remove_thread=removal, dry=dry
        )
    finally:
        for part in (checkpoints, bridge, store):
            await part.close()
