"""What a store keeps of what happened inside of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from ..contracts.events import EventCategory, RunEvent


@dataclass(frozen=True, slots=True)
class NewRunEvent:
    """An event of a run, as its writer has it."""

    number: int
    """Its place among the events of its writer, from 1."""
    event_type: str
    category: EventCategory
    content: bytes | None
    """Strict JSON."""
    metadata: Mapping[str, Any]
    task: str | None
    """The path of the task in which it happened, as LangGraph writes a checkpoint's namespace."""
    created_at: datetime
    if_new: bool = False
    """It is left out when the run has an event of this type and content already."""


@dataclass(frozen=True, slots=True)
class EventBatch:
    """What one writer, an attempt at a run, has to say of it."""

    events: Sequence[NewRunEvent] = ()
    begun: Sequence[str] = ()
    """Paths of tasks that run, and of those around them: what earlier attempts at them wrote goes."""
    sealed: Mapping[str, str] = field(default_factory=dict[str, str])
    """Paths of tasks whose events stay from now on, and of the task (the same, or one around it) that is saved."""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events of a run, of a thread, or of all of them."""

    run_id: str | None = None
    thread_id: str | None = None
    user_id: str | None = None
    categories: Sequence[str] = ()
    types: Sequence[str] = ()


class RunEventStore(Protocol):
    """What happened inside of runs: behind the run's fence, and once, however often a task of the graph runs.

    The events of a task that is not sealed go when its run is taken up again, by a later writer or by
    `mark_running`; those of a sealed one when it begins again all the same. What comes in their place takes their
    `seq`, as far as it goes.
    """

    async def write(self, run_id: str, batch: EventBatch, *, fence: int, attempt: int) -> None:
        """Write a batch; one that is written again changes nothing, nor does one for a run that has ended.

        Raises `RunNotFoundError` or `FencedError`.
        """
        ...

    async def list(
        self,
        which: EventFilter,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> list[RunEvent]:
        """Those with a `seq` above `after` and below `before`: the first `limit` of them, or the last."""
        ...

    async def drop(self, run_id: str, *, limit: int = 500) -> int:
        """Remove the events of a run that has ended, at most `limit` at a time; how many went, 0 at the end.

        Later events of the thread come behind them all the same: no `seq` is given twice.
        """
        ...
