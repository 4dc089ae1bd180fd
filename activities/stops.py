"""What may end a slice before its graph does: the run's stop channel, and the worker's own shutdown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from temporalio import activity

from ..bridge.contract import Bridge
from ..contracts.errors import PerdureError
from ..contracts.types import Stop

logger = logging.getLogger(__name__)


class Stops:
    """Watches for stops while a slice runs. `on_boundary` asks the graph to pause at its next boundary."""

    def __init__(self, bridge: Bridge, run_id: str, on_boundary: Callable[[str], None]) -> None:
        self._bridge = bridge
        self._run_id = run_id
        self._on_boundary = on_boundary
        self._watchers: list[asyncio.Task[None]] = []
        self.requested: Stop | None = None
        """The strongest stop that the run was asked for."""
        self.now = asyncio.Event()
        """Set when the graph must end at once."""

    async def __aenter__(self) -> Stops:
        self._watch(self._watch_channel())
        self._watch(self._watch_shutdown())
        return self

    async def __aexit__(self, *_: object) -> None:
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)

    def _watch(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._watchers.append(asyncio.create_task(coroutine))

    async def _watch_channel(self) -> None:
        while self.requested is not Stop.NOW:
            try:
                self.requested = await self._bridge.stop_requested(self._run_id, beyond=self.requested)
            except PerdureError as exc:
                # The heartbeat tells of a cancel, too, only later.
                logger.warning("run %s cannot watch its stop channel: %s", self._run_id, exc)
                await asyncio.sleep(1)
            else:
                self._on_boundary("interrupt")
        self.now.set()

    async def _watch_shutdown(self) -> None:
        await activity.wait_for_worker_shutdown()
        self._on_boundary("shutdown")
