"""What a worker works with: its graphs, and the back ends that hold the stream, the record and the state of runs."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ...bridge.contract import Bridge
from ...checkpoints.contract import Checkpoints
from ...contracts.errors import UnavailableError
from ...contracts.limit_settings import LimitSettings
from ...store.contract import Store
from .graph_registry import GraphRegistry


@dataclass(frozen=True, slots=True)
class BackEnds:
    """Of one worker. Who opens the back ends closes them."""

    graphs: GraphRegistry
    bridge: Bridge
    store: Store
    checkpoints: Checkpoints
    limits: LimitSettings = field(default_factory=LimitSettings)

    async def has_thread(self, thread_id: str, user_id: str | None) -> bool:
        """Whether it is there still, and this user's (`None`: anybody's), since its client has looked."""
        thread = await self.store.threads.get(thread_id)
        return thread is not None and user_id in (None, thread.user_id)

    @contextmanager
    def reached(self, failed: str) -> Generator[None]:
        """Raises `UnavailableError` where the checkpoints cannot be reached. `failed`: what cannot be done then."""
        try:
            yield
        except Exception as exc:
            if self.checkpoints.outage(exc):
                raise UnavailableError(f"{failed}: {exc}") from exc
            raise
