"""What may end a slice before its graph does: the run's stop channel, and the worker's own shutdown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from temporalio import activity

from ..bridge.contract import Bridge
from ..contracts.errors import PerdureError
from ..contracts.types import Stop

logger = logging.getLogger(__name__)


class Stops:
    """Watches for stops while a slice runs."""

    def __init__(self, bridge: Bridge, run_id: str) -> None:
        self._bridge = bridge
        self._run_id = run_id
        self._watchers: list[asyncio.Task[None]] = []
        self.requested: Stop | None = None
        """The strongest stop that the run was asked for."""
        self.now = asyncio.Event()
        """Set when the graph must end at once."""

    @asynccontextmanager
    async def watching(
        self, *, on_request: Callable[[], None], on_shutdown: Callable[[], None]
    ) -> AsyncGenerator[None]:
        """Calls `on_request` when the run is asked to stop, and `on_shutdown` when the worker is about to."""
        self._watch(self._watch_channel(on_request))
        self._watch(self._watch_shutdown(on_shutdown))
        try:
            yield
        finally:
            for watcher in self._watchers:
                watcher.cancel()
            await asyncio.gather(*self._watchers, return_exceptions=True)

    def _watch(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._watchers.append(asyncio.create_task(coroutine))

    async def _watch_channel(self, on_request: Callable[[], None]) -> None:
        while self.requested is not Stop.NOW:
            try:
                self.requested = await self._bridge.stop_requested(self._run_id, beyond=self.requested)
            except PerdureError as exc:
                # The heartbeat tells of a cancel, too, only later.
                logger.warning("run %s cannot watch its stop channel: %s", self._run_id, exc)
                await asyncio.sleep(1)
            else:
                on_request()
        self.now.set()

    async def _watch_shutdown(self, on_shutdown: Callable[[], None]) -> None:
        await activity.wait_for_worker_shutdown()
        on_shutdown()
