"""A stream that its back end has lost ends no run: as long as there is the run's record, the stream is made again.

What was in it is lost. Its readers are told so by the gap before the first event, and of the attempt that goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

from ...bridge.contract import Bridge, NewEvent, StreamSize
from ...bridge.delegation import DelegatingBridge
from ...contracts.errors import RunNotFoundError
from ...contracts.serialization.serializer import to_json
from ...contracts.types import METADATA_EVENT
from ...store.contract import Store, StoredRun
from ...store.event_contract import EventBatch

logger = logging.getLogger(__name__)


def attempt_event(run_id: str, thread_id: str, attempt: int) -> NewEvent:
    """Tells readers which attempt of a run speaks from now on."""
    data = {"run_id": run_id, "thread_id": thread_id, "attempt": attempt}
    return NewEvent(METADATA_EVENT, to_json(data), key=f"attempt\n{attempt}")


async def make_again(bridge: Bridge, store: Store, run_id: str) -> StoredRun | None:
    """A stream that was lost; the run's record. `None`: the run was deleted, maybe meanwhile, so there is no stream."""
    await bridge.create_again(run_id)
    stored = await store.get(run_id)
    if stored is None:
        await bridge.cleanup(run_id)
    return stored


class LastingBridge(DelegatingBridge):
    """The bridge as workers write to it. Raises `RunNotFoundError` for runs without a record only."""

    def __init__(self, inner: Bridge, store: Store) -> None:
        super().__init__(inner)
        self._store = store

    async def publish(self, run_id: str, events: Sequence[NewEvent], *, fence: int) -> int:
        return await self._lasting(run_id, fence, lambda: self.inner.publish(run_id, events, fence=fence))

    async def publish_terminal(self, run_id: str, event: NewEvent, *, fence: int) -> int:
        return await self._lasting(run_id, fence, lambda: self.inner.publish_terminal(run_id, event, fence=fence))

    async def size(self, run_id: str) -> StreamSize:
        try:
            return await self.inner.size(run_id)
        except RunNotFoundError:  # it is made again by the next publish
            return StreamSize(0, 0)

    async def _lasting(self, run_id: str, fence: int, write: Callable[[], Awaitable[int]]) -> int:
        try:
            return await write()
        except RunNotFoundError:
            await self._make_again(run_id, fence)
            return await write()

    async def _make_again(self, run_id: str, fence: int) -> None:
        """Raises `RunNotFoundError` for a run that was deleted, `FencedError` for one that was taken over."""
        await self._store.events.write(run_id, EventBatch(), fence=fence, attempt=0)  # nothing: it looks at the fence
        stored = await make_again(self.inner, self._store, run_id)
        if stored is None:
            raise RunNotFoundError(run_id)
        logger.warning("the stream of run %s was lost and is made again: what was in it is gone", run_id)
        event = attempt_event(run_id, stored.record.thread_id, stored.record.attempt)
        await self.inner.publish(run_id, [event], fence=fence)
