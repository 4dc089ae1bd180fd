"""Runs for who looks at them: pages of them, why they stand still, and the story of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from ..contracts.actor import resolve_user_id
from ..contracts.errors import ConfigError, InvalidRunError
from ..contracts.filters import Filter
from ..contracts.stories import Arrival, RunStep, RunSteps, RunTimeline, Standstill
from ..contracts.threads import ThreadSnapshot
from ..contracts.types import RunInterrupt, RunPage, RunRecord, RunStatus
from ..store.contract import Store
from .listing import RunListing, run_filter
from .lookup import RunLookup
from .spending import Spending
from .standstills import Standstills, may_ask
from .threads import Threads
from .waiting import WaitingRuns

_EVENTS = 5000
"""Events of one part of a timeline."""
_PAGE = 50
"""Checkpoints that are read at once. Each has the whole state in it."""


class Overview:
    """`RunsFacade.overview`. Another user's runs are not found."""

    def __init__(
        self, store: Store, lookup: RunLookup, listing: RunListing, waiting: WaitingRuns, threads: Threads
    ) -> None:
        self._store = store
        self._lookup = lookup
        self._listing = listing
        self._waiting = waiting
        self._threads = threads
        self._standstills = Standstills(store)
        self._spending = Spending(store.stories)

    async def page(
        self,
        thread_id: str | None = None,
        *,
        status: Sequence[RunStatus | str] | RunStatus | str = (),
        assistant_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        matching: Filter | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> RunPage:
        """As `RunsFacade.page_runs`; `until`: created before that, `matching`: what the metadata of the threads are."""
        which = run_filter(status, assistant_id, since, until, matching)
        found = await self._listing.page(thread_id, which, limit=limit, before=before)
        return found.model_copy(update={"runs": tuple(await self._waiting.told(found.runs))})

    async def explain(self, records: Sequence[RunRecord]) -> dict[str, Standstill]:
        """Why each of these runs stands still, or what it does, by its id; nothing of one that has succeeded."""
        lacking = await self._waiting.unanswerable([*filter(may_ask, records)])
        return await self._standstills.of(records, lacking)

    async def tokens(self, records: Sequence[RunRecord]) -> dict[str, int]:
        """What each of these runs has used so far, also while it goes on, by its id; nothing of one without tokens."""
        return await self._spending.of(records)

    async def thread_tokens(self, thread_ids: Sequence[str]) -> Mapping[str, int]:
        """What the runs of each of these threads have used together, but those that go on, by the thread's id.

        Nothing of a thread without tokens. Whose they are is not asked: they come from a search of threads.
        """
        return await self._store.stories.spent_in(thread_ids) if thread_ids else {}

    async def arrivals(self, *, limit: int = 100) -> Sequence[Arrival]:
        """The runs that were submitted last, the newest first: cheap to look at again and again."""
        return await self._store.stories.arrivals(limit, user_id=resolve_user_id())

    async def questions(self, run_id: str) -> tuple[RunInterrupt, ...]:
        """What the run asks, or has asked when it ended. Raises `RunNotFoundError`."""
        await self._lookup.existing(run_id)
        found = await self._store.stories.outlook(asking=[run_id], waiting=(), working=())
        return found.questions.get(run_id, ())

    async def timeline(self, run_id: str, *, after: int = 0, limit: int = _EVENTS) -> RunTimeline:
        """What happened in a run, without contents; `after`: the `next` of the part before.

        What an attempt had begun when it was cut off is told anew by the next one, and what was told of it is not
        there any more: once there is a new `run_attempt_started` among the turns, read from the beginning. Raises
        `RunNotFoundError`, and `InvalidRunError`.
        """
        if limit < 1 or after < 0:
            raise InvalidRunError(f"limit must be 1 or more, and after 0 or more, not {limit} and {after}")
        await self._lookup.existing(run_id)
        turns = await self._store.stories.turns(run_id)
        events = await self._store.stories.outline(run_id, after=after, limit=limit)
        last = events[-1].position if events else after
        return RunTimeline(turns=tuple(turns), events=tuple(events), next=last, more=len(events) == limit)

    async def steps(self, run_id: str, *, limit: int = _PAGE, before: str | None = None) -> RunSteps:
        """The checkpoints of a run and of graphs within it, the newest first; `before`: the last of the page before.

        A thread has one run at a time, so what was saved between the run's start and its end is its own; with it come
        those at which it has begun, if its thread was in the middle of its graph. Where the checkpoints are in a
        worker's memory, there are none of graphs within. Raises as `history`.
        """
        record = (await self._lookup.existing(run_id)).record
        if record.started_at is None:
            return RunSteps()
        found = _Found(record.started_at, record.ended_at or datetime.now(UTC))
        while page := await self._saved(record.thread_id, min(limit, _PAGE), before):
            for one in page:
                if found.is_all_with(one):
                    return RunSteps(steps=tuple(found.steps))
            before = page[-1].checkpoint_id
            if len(found.steps) >= limit:
                return RunSteps(steps=tuple(found.steps), more=True)
        return RunSteps(steps=tuple(found.steps))

    async def _saved(self, thread_id: str, limit: int, before: str | None) -> list[ThreadSnapshot]:
        try:
            return await self._threads.history(thread_id, limit=limit, before=before, stored=True, nested=True)
        except ConfigError:  # it is in a worker's memory
            return await self._threads.history(thread_id, limit=limit, before=before, stored=False)


class _Found:
    """What was saved between two moments, and at the first of them; it is shown from the newest on."""

    def __init__(self, begin: datetime, end: datetime) -> None:
        self._begin = begin
        self._end = end
        self.steps: list[RunStep] = []

    def is_all_with(self, saved: ThreadSnapshot) -> bool:
        """Whether the saved one is the last of them. A graph within may have begun before the one around it went on."""
        if saved.created_at is None or saved.created_at > self._end:
            return False
        if saved.created_at >= self._begin:
            self.steps.append(_step(saved, saved.created_at))
            return False
        if saved.next:
            self.steps.append(_step(saved, self._begin))
        return not saved.namespace


def _step(saved: ThreadSnapshot, at: datetime) -> RunStep:
    return RunStep(
        checkpoint_id=saved.checkpoint_id,
        step=saved.metadata.get("step"),
        source=saved.metadata.get("source"),
        created_at=at,
        namespace="|".join(saved.namespace),
        next=saved.next,
        questions=len(saved.interrupts),
    )
