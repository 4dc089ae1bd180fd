"""What a store keeps of threads."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ..contracts.threads import ThreadDetails, ThreadPage, ThreadRecord, ThreadStatus
from ..contracts.types import RunError, RunInterrupt
from .exchange import StateExchange
from .thread_filter import ThreadFilter, ThreadSort


@dataclass(frozen=True, slots=True)
class ThreadLeft:
    """How a thread was left."""

    values: bytes | None = None
    """Strict JSON, in the form of the `values` event; `None`: those of before."""
    interrupts: Sequence[RunInterrupt] = ()
    error: RunError | None = None
    status: ThreadStatus | None = None
    """`None`: as its runs have it."""


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

    async def unused(
        self, before: datetime, *, after: ThreadRecord | None = None, limit: int = 100
    ) -> builtins.list[ThreadRecord]:
        """Threads without a run in flight whose runs have not moved since then, in an order of their ids."""
        ...

    async def delete(self, thread_id: str) -> bool:
        """Remove the record of a thread that has no runs; whether there was one."""
        ...

    async def create(self, thread: ThreadRecord) -> tuple[ThreadRecord, bool]:
        """Write the record of a thread without runs; or what is there already, and `False`.

        One that a draft has claimed for the same user is begun by this. Raises `ThreadTakenError` for another's.
        """
        ...

    async def add_metadata(self, thread_id: str, metadata: Mapping[str, Any]) -> ThreadRecord:
        """Merge it into the thread's, at its top. Raises `ThreadNotFoundError`."""
        ...

    async def details(self, thread_id: str) -> ThreadDetails | None:
        """The record, and how the thread was left."""
        ...

    async def search(
        self, which: ThreadFilter, sort: ThreadSort, *, limit: int, offset: int, values: bool = True
    ) -> ThreadPage:
        """So many of the threads, and how many there are. Without `values` these are not read."""
        ...

    async def count(self, which: ThreadFilter) -> int: ...

    async def leave(self, thread_id: str, left: ThreadLeft) -> None:
        """Its state was changed from outside. An absent thread is ignored."""
        ...
