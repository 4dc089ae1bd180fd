"""The streams of runs as users read them: one that its back end has lost is no run that does not exist."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

from ..bridge.contract import Bridge, parse_event_id
from ..bridge.delegation import DelegatingBridge
from ..bridge.subscription import heartbeat
from ..contracts.errors import RunNotFoundError
from ..contracts.limit_errors import StreamRemovedError
from ..contracts.types import StreamEvent
from ..store.contract import RunQueryStore

_LOOK = 0.5
"""Seconds between two looks for a stream that was lost and is about to be made again."""
_MENDED_WITHIN = timedelta(minutes=2)
"""After a run's end: by then a worker has made its stream again, if only its end is lost."""


class LastingStreams(DelegatingBridge):
    """The bridge as users read it."""

    def __init__(self, inner: Bridge, store: RunQueryStore) -> None:
        super().__init__(inner)
        self._store = store

    async def subscribe(
        self, run_id: str, *, last_event_id: str | int | None = None, heartbeat_interval: float | None = None
    ) -> AsyncGenerator[StreamEvent]:
        position = parse_event_id(last_event_id)
        while True:
            stream = self.inner.subscribe(run_id, last_event_id=position, heartbeat_interval=heartbeat_interval)
            try:
                async for event in stream:
                    position = int(event.id)
                    yield event
                return
            except RunNotFoundError:
                await self._check_comes_again(run_id)
            finally:
                await stream.aclose()
            if heartbeat_interval is not None:
                yield heartbeat(position)
            await asyncio.sleep(_LOOK)

    async def _check_comes_again(self, run_id: str) -> None:
        stored = await self._store.get(run_id)
        if stored is None:
            raise RunNotFoundError(run_id)
        ended = stored.record.ended_at
        if ended is not None and datetime.now(UTC) - ended >= _MENDED_WITHIN:
            raise StreamRemovedError(run_id)
