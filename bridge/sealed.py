"""A bridge whose events are sealed where there are keys, above any back end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from ..contracts.keyring import Keyring, opened_object, sealed_object
from ..contracts.serialization.serializer import from_json, to_json
from ..contracts.types import StreamEvent
from .contract import KEY_ONLY, Bridge, NewEvent
from .delegation import DelegatingBridge


class SealedBridge(DelegatingBridge):
    """Seals the data of events; their ids, names and keys stay clear. What was published before is read as it is.

    Without keys nothing is sealed, and what others have sealed raises `UnavailableError` when it is read.
    """

    def __init__(self, inner: Bridge, keyring: Keyring | None) -> None:
        super().__init__(inner)
        self._keyring = keyring

    async def publish(self, run_id: str, events: Sequence[NewEvent], *, fence: int) -> int:
        return await self.inner.publish(run_id, [self._sealed(event) for event in events], fence=fence)

    async def publish_terminal(self, run_id: str, event: NewEvent, *, fence: int) -> int:
        return await self.inner.publish_terminal(run_id, self._sealed(event), fence=fence)

    async def subscribe(
        self, run_id: str, *, last_event_id: str | int | None = None, heartbeat_interval: float | None = None
    ) -> AsyncGenerator[StreamEvent]:
        found = self.inner.subscribe(run_id, last_event_id=last_event_id, heartbeat_interval=heartbeat_interval)
        try:
            async for event in found:
                yield self._opened(event)
        finally:
            await found.aclose()

    def _sealed(self, event: NewEvent) -> NewEvent:
        if self._keyring is None or event.event == KEY_ONLY:
            return event
        return replace(event, data=to_json(sealed_object(self._keyring, event.data)))

    def _opened(self, event: StreamEvent) -> StreamEvent:
        data = opened_object(self._keyring, event.data)
        return event if data is None else event.model_copy(update={"data": from_json(data)})
