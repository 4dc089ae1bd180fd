"""A bridge that is another one, but for what a subclass does differently."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from ..contracts.types import Stop, StreamEvent
from .contract import Bridge, NewEvent, StreamSize


class DelegatingBridge(Bridge):
    """Hands everything on. Whoever made `inner` starts and closes it, or does so here."""

    def __init__(self, inner: Bridge) -> None:
        self.inner = inner

    async def start(self) -> None:
        await self.inner.start()

    async def close(self) -> None:
        await self.inner.close()

    async def create(self, run_id: str) -> None:
        await self.inner.create(run_id)

    async def create_again(self, run_id: str) -> None:
        await self.inner.create_again(run_id)

    async def publish(self, run_id: str, events: Sequence[NewEvent], *, fence: int) -> int:
        return await self.inner.publish(run_id, events, fence=fence)

    def writes_as(self, run_id: str, *, attempt: int, fence: int) -> None:
        self.inner.writes_as(run_id, attempt=attempt, fence=fence)

    async def publish_terminal(self, run_id: str, event: NewEvent, *, fence: int) -> int:
        return await self.inner.publish_terminal(run_id, event, fence=fence)

    def subscribe(
        self, run_id: str, *, last_event_id: str | int | None = None, heartbeat_interval: float | None = None
    ) -> AsyncGenerator[StreamEvent]:
        return self.inner.subscribe(run_id, last_event_id=last_event_id, heartbeat_interval=heartbeat_interval)

    async def last_event_id(self, run_id: str) -> int:
        return await self.inner.last_event_id(run_id)

    async def size(self, run_id: str) -> StreamSize:
        return await self.inner.size(run_id)

    async def cancel(self, run_id: str, *, stop: Stop = Stop.NOW) -> None:
        await self.inner.cancel(run_id, stop=stop)

    async def stop_requested(self, run_id: str, *, beyond: Stop | None = None) -> Stop:
        return await self.inner.stop_requested(run_id, beyond=beyond)

    async def attend(self, run_id: str, lease: float) -> None:
        await self.inner.attend(run_id, lease)

    async def leave(self, run_id: str) -> None:
        await self.inner.leave(run_id)

    async def abandoned(self) -> list[str]:
        return await self.inner.abandoned()

    async def trim(self, run_id: str, *, before: int) -> None:
        await self.inner.trim(run_id, before=before)

    async def cleanup(self, run_id: str) -> None:
        await self.inner.cleanup(run_id)

    def held(self) -> AsyncGenerator[str]:
        return self.inner.held()

    async def losses(self) -> str | None:
        return await self.inner.losses()

    async def mended(self, losses: str) -> None:
        await self.inner.mended(losses)
