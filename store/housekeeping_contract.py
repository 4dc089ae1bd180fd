"""What housekeeping asks of a store."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Protocol

from ..contracts.types import RunRecord


class HousekeepingStore(Protocol):
    """Which runs have no end, and who looks after them."""

    async def unended(self, *, limit: int = 100, after: RunRecord | None = None) -> list[RunRecord]:
        """Runs that have no end, drafts too, in a stable order; behind `after`, which may be gone meanwhile.

        What it costs does not grow with the runs that have ended.
        """
        ...

    async def ended(
        self, before: datetime, *, with_events: bool = False, after: RunRecord | None = None, limit: int = 100
    ) -> list[RunRecord]:
        """Runs that ended before then, in an order of their ids, behind `after`, which may be gone meanwhile.

        `with_events`: those of them whose events have not been dropped.
        """
        ...

    async def lease(self, name: str, holder: str, seconds: float) -> bool:
        """Whether `holder` has it, alone, from now on for so long: nobody had it any more, or it had it already."""
        ...


async def pages_of_unended(store: HousekeepingStore, size: int) -> AsyncGenerator[list[RunRecord]]:
    """All runs that have no end, `size` of them at a time."""
    after: RunRecord | None = None
    while True:
        page = await store.unended(limit=size, after=after)
        if page:
            yield page
        if len(page) < size:
            return
        after = page[-1]
