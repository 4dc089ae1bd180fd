"""What may end a slice before its graph does: the run's stop channel, and the worker's own shutdown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from temporalio import activity

from ...bridge.contract import Bridge
from ...contracts.errors import PerdureError
from ...contracts.types import Stop

logger = logging.getLogger(__name__)


class Stops:
    """What a run's stop channel says, while `async with` it."""

    def __init__(self, bridge: Bridge, run_id: str, on_request: Callable[[], None]) -> None:
        """`on_request` is called for each stop that the run is asked for."""
        self._bridge = bridge
        self._run_id = run_id
        self._on_request = on_request
        self._watcher: asyncio.Task[None] | None = None
        self.requested: Stop | None = None
        """The strongest stop that the run was asked for."""
        self.now = asyncio.Event()
        """Set when the graph must end at once."""

    async def __aenter__(self) -> Stops:
        self._watcher = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)

    async def _watch(self) -> None:
        while self.requested is not Stop.NOW:
            try:
                self.requested = await self._bridge.stop_requested(self._run_id, beyond=self.requested)
            except PerdureError as exc:
                # The heartbeat tells of a cancel, too, only later.
                logger.warning("run %s cannot watch its stop channel: %s", self._run_id, exc)
                await asyncio.sleep(1)
            else:
                self._on_request()
        self.now.set()


@asynccontextmanager
async def watching_shutdown(on_shutdown: Callable[[], None]) -> AsyncGenerator[None]:
    """Within an activity: calls `on_shutdown` when its worker is about to shut down."""

    async def watch() -> None:
        await activity.wait_for_worker_shutdown()
        on_shutdown()

    watcher = asyncio.create_task(watch())
    try:
        yield
    finally:
        watcher.cancel()
