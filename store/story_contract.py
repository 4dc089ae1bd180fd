"""What a store tells of runs to who looks at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..contracts.lifecycle import RunLifecycleEvent
from ..contracts.stories import Arrival, OutlinedEvent, Outlook, Spent


class RunStoryStore(Protocol):
    """Reads only, and never a content or the values of a run: those may be large."""

    async def turns(self, run_id: str) -> Sequence[RunLifecycleEvent]:
        """All lifecycle events of a run, in order."""
        ...

    async def outline(self, run_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[OutlinedEvent]:
        """Its events with a `position` above `after`, in the order of writing."""
        ...

    async def outlook(self, *, asking: Sequence[str], waiting: Sequence[str], working: Sequence[str]) -> Outlook:
        """The questions of the runs that are `asking`, the lines of the threads in which runs are `waiting`, and the
        newest calls of the runs that are `working`."""
        ...

    async def spent(self, after: Mapping[str, int]) -> Mapping[str, Spent]:
        """What model calls of these runs have used that were told after a `position`, in one look."""
        ...

    async def spent_in(self, thread_ids: Sequence[str]) -> Mapping[str, int]:
        """What the runs of these threads have used in tokens, but those that go on; nothing of a thread without any."""
        ...

    async def arrivals(self, limit: int, *, user_id: str | None = None) -> Sequence[Arrival]:
        """The submitted runs of a user (`None`: of all) that were created last, the newest first."""
        ...
