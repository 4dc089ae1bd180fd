"""What a store is: the records of runs, their specs and their final values.

Writes are idempotent and monotonic: a status never goes back, and a terminal record never changes.
Writes of a worker carry a fence, as in the bridge: one that is smaller than the record has seen raises
`FencedError` and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..contracts.types import CancelAction, RunError, RunInterrupt, RunRecord, RunSpec, RunStatus, WaitResult


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A record, and whether Temporal is known to have taken the run.

    A record is written before its run is submitted, because the run's first activity reads the spec from
    the store. Until the submission is acknowledged (or the run starts) it is a draft, which only a look at
    Temporal can tell from a submission that never got there.
    """

    record: RunRecord
    submitted: bool


@dataclass(frozen=True, slots=True)
class RunEnding:
    """How a run ended."""

    status: RunStatus
    steps: int
    values: bytes | None = None
    """Strict JSON, the state in the form of the `values` event; `None` when it could not be read."""
    error: RunError | None = None
    cancel_action: CancelAction | None = None
    interrupts: Sequence[RunInterrupt] = ()


class RunCreateStore(Protocol):
    """What the submission of a run needs."""

    async def create(self, record: RunRecord, spec: RunSpec) -> tuple[StoredRun, bool]:
        """Write a draft. A record of the same run id stays as it is: it is returned, with `False`."""
        ...

    async def mark_submitted(self, run_id: str, *, sequence: int | None = None) -> None:
        """The run is no draft any more. Idempotent; an absent run is ignored."""
        ...

    async def discard(self, run_id: str) -> bool:
        """Remove a draft; whether there was one. A submitted run stays."""
        ...


class RunQueryStore(Protocol):
    """What readers need."""

    async def get(self, run_id: str) -> StoredRun | None: ...

    async def list(
        self, thread_id: str | None = None, *, limit: int = 100, before: str | None = None
    ) -> list[StoredRun]:
        """Newest first, in a stable order; after the run `before` of the same listing (for paging)."""
        ...

    async def get_spec(self, run_id: str) -> RunSpec:
        """Raises `RunNotFoundError`."""
        ...

    async def get_result(self, run_id: str) -> WaitResult:
        """The record as a `WaitResult`, with final values and open interrupts. Raises `RunNotFoundError`."""
        ...

    async def graphs(self, task_queue: str) -> list[str]:
        """The names of the graphs that the workers of the task queue have announced."""
        ...


class RunProgressStore(Protocol):
    """What a worker writes while a run goes. Each raises `RunNotFoundError` or `FencedError`.

    On a terminal record each is without effect, and answers with the record as it is.
    """

    async def mark_running(self, run_id: str, *, fence: int, attempt: int) -> RunRecord:
        """Take the fence; `running`, with `started_at` from the first time and the larger `attempt`."""
        ...

    async def mark_awaiting(
        self, run_id: str, *, fence: int, steps: int, interrupts: Sequence[RunInterrupt], values: bytes | None
    ) -> RunRecord:
        """`awaiting_input`, with the questions and the state as far as it got."""
        ...

    async def finish(self, run_id: str, ending: RunEnding, *, fence: int) -> RunRecord:
        """Terminal, with `ended_at`."""
        ...

    async def announce_graphs(self, task_queue: str, names: Sequence[str]) -> None:
        """Replace what the workers of the task queue serve."""
        ...


class RunDeleteStore(Protocol):
    """What deletion needs."""

    async def delete(self, run_id: str) -> bool:
        """Remove record, spec and values; whether there was a record."""
        ...


class Store(RunCreateStore, RunQueryStore, RunProgressStore, RunDeleteStore, Protocol):
    """All of it."""

    async def start(self) -> None:
        """Connect, and bring the tables to the newest version. Raises `UnavailableError`."""
        ...

    async def close(self) -> None: ...
