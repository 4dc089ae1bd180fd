"""What a store is: the records of runs, their specs and their final values.

Writes are idempotent and monotonic: a status never goes back, and a terminal record never changes.
Writes of a worker carry a fence, as in the bridge: one that is smaller than the record has seen raises
`FencedError` and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ..contracts.lifecycle import Delivery, RunLifecycleEvent
from ..contracts.types import CancelAction, RunError, RunInterrupt, RunRecord, RunSpec, RunStatus, WaitResult
from .api_key_contract import ApiKeyStore
from .assistant_contract import AssistantStore
from .cron_contract import CronStore
from .event_contract import RunEventStore
from .housekeeping_contract import HousekeepingStore
from .note_contract import RunNoteStore, Setback
from .run_filter import ALL_RUNS, RunFilter
from .story_contract import RunStoryStore
from .thread_contract import ThreadLeft, ThreadStore
from .worker_contract import InstallationStore


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A record, and whether Temporal is known to have taken the run.

    A record is written before its run is submitted, because the run's first activity reads the spec from
    the store. Until the submission is acknowledged (or the run starts) it is a draft, which only a look at
    Temporal can tell from a submission that never got there.
    """

    record: RunRecord
    submitted: bool
    temporal: str | None = None
    """The id of the namespace to which it was submitted: no other one can tell that it is gone. `None`: not known."""


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
    title: str | None = None
    """Of the state; one of an event comes before it."""
    sequence: int | None = None
    left: ThreadLeft | None = None
    """How it leaves its thread; `None`: as it was."""


@dataclass(frozen=True, slots=True)
class ThreadLine:
    """How the line of a thread stands in the records."""

    in_flight: tuple[str, ...]
    """The submitted runs that have not ended, in the order of their admission."""
    last_sequence: int
    """The largest place that a run of the thread was given, 0 before the first; of runs that were deleted, too."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """What an observer has not been told of a run yet."""

    events: tuple[RunLifecycleEvent, ...]
    """In order, and without gaps."""
    user_id: str | None
    """For whom the run was created."""


class RunCreateStore(Protocol):
    """What the submission of a run needs."""

    async def create(
        self, record: RunRecord, spec: RunSpec, *, temporal: str | None = None, most_of_user: int | None = None
    ) -> tuple[StoredRun, bool]:
        """Write a draft; `temporal`: the id of the namespace to which it is submitted.

        `most_of_user`: of so many runs of its user that have not ended, drafts and this one included; one more raises
        `LimitError`, with nothing written.

        A record of the same run id stays as it is: it is returned, with `False`. If it is a draft of the same thread
        and user, its `updated_at` becomes that of `record`, which takes it up (see `discard`). In the same transaction
        the thread gets its owner, if it is new. Raises `ThreadTakenError`, with nothing written, when a run of another
        user, be it a draft, came first.
        """
        ...

    async def mark_submitted(self, run_id: str, *, sequence: int | None = None) -> None:
        """The run is no draft any more. Idempotent; an absent run is ignored."""
        ...

    async def discard(self, run_id: str, *, taken_up: datetime) -> bool:
        """Remove a draft; whether there was one. A submitted run stays.

        `taken_up`: the `updated_at` of its record, as the caller was given it. A draft that somebody else has taken up
        since (`create`) stays, too: it may be submitted in this moment.
        """
        ...

    async def line(self, thread_id: str) -> ThreadLine:
        """The thread's runs in flight, for a thread whose workflow has to begin anew."""
        ...


class RunQueryStore(Protocol):
    """What readers need."""

    async def get(self, run_id: str) -> StoredRun | None: ...

    async def list(
        self,
        thread_id: str | None = None,
        *,
        user_id: str | None = None,
        limit: int = 100,
        before: str | None = None,
        which: RunFilter = ALL_RUNS,
    ) -> list[StoredRun]:
        """Newest first, in a stable order; after the run `before` of this thread and user (for paging)."""
        ...

    async def get_spec(self, run_id: str) -> RunSpec:
        """Raises `RunNotFoundError`."""
        ...

    async def get_result(self, run_id: str) -> WaitResult:
        """The record as a `WaitResult`, with final values and open interrupts. Raises `RunNotFoundError`."""
        ...


class RunProgressStore(Protocol):
    """What a worker writes while a run goes. Each raises `RunNotFoundError` or `FencedError`.

    On a terminal record each is without effect, and answers with the record as it is.
    """

    async def mark_running(
        self,
        run_id: str,
        *,
        fence: int,
        attempt: int,
        sequence: int | None = None,
        human_message: object = None,
        setback: Setback | None = None,
        worker: str | None = None,
    ) -> RunRecord:
        """Take the fence; `running`, with `started_at` from the first time, the larger `attempt`, what a human said.

        With a `setback` the record's `trouble` grows, or begins anew if the run has got on since; without, it goes.
        `worker`: who begins the attempt.
        """
        ...

    async def mark_awaiting(
        self,
        run_id: str,
        *,
        fence: int,
        steps: int,
        interrupts: Sequence[RunInterrupt],
        values: bytes | None,
        title: str | None = None,
        error: RunError | None = None,
    ) -> RunRecord:
        """`awaiting_input`, with questions and state; `error`: why an answer could not be delivered, until it runs."""
        ...

    async def finish(self, run_id: str, ending: RunEnding, *, fence: int) -> RunRecord:
        """Terminal, with `ended_at`."""
        ...


class RunDeleteStore(Protocol):
    """What deletion needs."""

    async def delete(self, run_id: str) -> bool:
        """Remove record, spec and values; whether there was a record."""
        ...


class LifecycleStore(Protocol):
    """The lifecycle events of runs, and which of them each observer has been told.

    The events themselves are written by the store as it writes what they tell of. They go with their run.
    """

    async def undelivered(self, run_id: str, observer: str) -> Undelivered:
        """The events that follow those which the observer is done with, at least one if there is one."""
        ...

    async def mark_delivered(
        self, run_id: str, observer: str, sequence: int, *, after: int, failure: str | None = None
    ) -> bool:
        """The observer is done with the events up to `sequence`, with `failure` if the last one was given up.

        False, without effect, when it was not done with exactly those up to `after`: somebody else tells it too.
        """
        ...

    async def deliveries(self, run_id: str) -> list[Delivery]:
        """How far each observer that was told of the run has got."""
        ...


class Store(
    RunCreateStore,
    RunQueryStore,
    RunProgressStore,
    RunNoteStore,
    RunDeleteStore,
    HousekeepingStore,
    InstallationStore,
    Protocol,
):
    """All of it."""

    @property
    def threads(self) -> ThreadStore:
        """The records of threads."""
        ...

    @property
    def events(self) -> RunEventStore:
        """What happened inside of runs."""
        ...

    @property
    def assistants(self) -> AssistantStore:
        """What runs begin with."""
        ...

    @property
    def crons(self) -> CronStore:
        """What is run again and again."""
        ...

    @property
    def api_keys(self) -> ApiKeyStore:
        """Who may call the gateway."""
        ...

    @property
    def lifecycle(self) -> LifecycleStore:
        """What observers are told."""
        ...

    @property
    def stories(self) -> RunStoryStore:
        """What is told to who looks at runs."""
        ...

    async def start(self) -> None:
        """Connect, and bring the tables to the newest version. Raises `UnavailableError`."""
        ...

    async def close(self) -> None: ...
