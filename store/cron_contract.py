"""What a store keeps of crons."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any, Protocol

from ..contracts.crons import CronRecord
from ..contracts.types import RunSpec


class CronStore(Protocol):
    """Crons, and the specs of their runs. When they fire is Temporal's, and so is `next` and `recent`."""

    async def create(self, cron: CronRecord, run: RunSpec) -> tuple[CronRecord, bool]:
        """Write a cron; one of the same id stays as it is: it is returned, and whether it is the same.

        It is with the same schedule, run and user, whenever it was created, and whether it is paused or not. Raises
        `InvalidRunError` for a spec that holds what cannot be stored.
        """
        ...

    async def get(self, cron_id: str) -> CronRecord | None: ...

    async def get_spec(self, cron_id: str) -> RunSpec | None:
        """What each of its firings submits."""
        ...

    async def list(
        self, *, user_id: str | None = None, limit: int = 100, before: str | None = None
    ) -> list[CronRecord]:
        """The last created first, after the cron `before` (for paging); nothing after one that is not there."""
        ...

    async def find(
        self,
        *,
        user_id: str | None = None,
        thread_id: str | None = None,
        paused: bool | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> builtins.list[CronRecord]:
        """Those that have all of this, the last created first."""
        ...

    async def replace(self, cron: CronRecord, run: RunSpec) -> bool:
        """Write it over the one of its id, whatever that was; whether there was one."""
        ...

    async def set_paused(self, cron_id: str, *, paused: bool) -> None:
        """Whether it fires by hand only. Idempotent; an absent cron is ignored."""
        ...

    async def delete(self, cron_id: str, *, user_id: str | None = None) -> bool:
        """Remove it, if it is this user's (`None`: anybody's); whether there was one."""
        ...
