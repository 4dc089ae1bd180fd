"""What a store keeps of threads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ..contracts.threads import ThreadRecord, ThreadStatus
from .exchange import StateExchange


class ThreadStore(StateExchange, Protocol):
    """The records of threads. The store writes them as it writes what happens to their runs."""

    async def get(self, thread_id: str) -> ThreadRecord | None: ...

    async def list(
        self,
        *,
        status: ThreadStatus | None = None,
        metadata: Mapping[str, str | int | float | bool] | None = None,
        user_id: str | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> list[ThreadRecord]:
        """The last created first; those that have all of this, after the thread `before` (for paging).

        Raises `ThreadNotFoundError` when there is no thread `before`.
        """
        ...

    async def delete(self, thread_id: str) -> bool:
        """Remove the record of a thread that has no runs; whether there was one."""
        ...
