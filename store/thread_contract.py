"""What a store keeps of threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ..contracts.threads import ThreadRecord, ThreadStatus


@dataclass(frozen=True, slots=True)
class StateUpdate:
    """The values of a state update, as `dump_value` gives them: they do not cross Temporal."""

    kind: str
    payload: bytes


class ThreadStore(Protocol):
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

    async def put_update(self, update_id: str, change: StateUpdate) -> None:
        """Keep the values of a state update for the worker that applies it. Idempotent."""
        ...

    async def get_update(self, update_id: str) -> StateUpdate:
        """Raises `RunNotFoundError`."""
        ...

    async def drop_update(self, update_id: str) -> None:
        """Idempotent."""
        ...
