"""What a store knows of the installation that it makes: its identity, its workers, and the Temporals it has met."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from ..contracts.workers import WorkerRecord


class WorkerStore(Protocol):
    """The workers of an installation."""

    async def announce(self, worker: WorkerRecord) -> None:
        """Write or renew what a worker says of itself. Idempotent."""
        ...

    async def end(self, worker_id: str, moment: datetime) -> None:
        """The worker has been stopped. Idempotent; an unknown worker is ignored."""
        ...

    async def list(self, task_queue: str) -> Sequence[WorkerRecord]:
        """Of the last day, those that are not there any more included; the last that was heard of first."""
        ...


class InstallationStore(Protocol):
    """All that uses the same store is one installation."""

    @property
    def workers(self) -> WorkerStore:
        """Who serves which graphs."""
        ...

    @property
    def installation(self) -> str:
        """The identity of all that uses this store, given once. Raises `UnavailableError` before the start."""
        ...

    async def meet_temporal(self, namespace_id: str, place: str) -> None:
        """Note the Temporal that is at a place of the installation's own. What was there before is gone for good."""
        ...

    async def abandon_temporal(self, namespace_id: str) -> None:
        """The Temporal is gone for good, and all that was submitted to it. Idempotent."""
        ...

    async def is_gone(self, namespace_id: str) -> bool:
        """Whether another Temporal has taken the place of this one."""
        ...
