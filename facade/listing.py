"""Lists of runs, in full pages."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime

from ..contracts.actor import resolve_user_id
from ..contracts.errors import InvalidRunError
from ..contracts.filters import Filter
from ..contracts.types import RunPage, RunRecord, RunStatus
from ..store.contract import Store
from ..store.housekeeping_contract import pages_of_unended
from ..store.run_filter import RunFilter
from .choices import chosen
from .lookup import RunLookup

_PART = 1000
"""Records that are read at once."""


class RunListing:
    """What `RunsFacade` offers of lists. The store chooses; only of a draft it is Temporal that knows it for a run."""

    def __init__(self, store: Store, lookup: RunLookup) -> None:
        self._store = store
        self._lookup = lookup

    async def page(self, thread_id: str | None, which: RunFilter, *, limit: int, before: str | None) -> RunPage:
        """As many runs as `limit`, unless there are no more. Raises `InvalidRunError`, `RunNotFoundError`."""
        if limit < 1:
            raise InvalidRunError(f"limit must be 1 or more, not {limit}", field="limit")
        found: list[RunRecord] = []
        wanted = limit + 1  # the one beyond tells that there are more
        while len(found) < wanted:
            missing = wanted - len(found)
            part = await self._store.list(
                thread_id, user_id=resolve_user_id(), limit=missing, before=before, which=which
            )
            found += [run.record for run in part if await self._lookup.exists(run)]
            if len(part) < missing:
                break
            before = part[-1].record.run_id
        return RunPage(runs=tuple(found[:limit]), next=found[limit - 1].run_id if len(found) > limit else None)

    async def unended(self) -> AsyncGenerator[RunRecord]:
        """All that have not ended, of the bound actor."""
        async for part in pages_of_unended(self._store, _PART):
            for run in part:
                if resolve_user_id() in (None, run.user_id):
                    yield run


def run_filter(
    statuses: Sequence[RunStatus | str] | RunStatus | str,
    assistant_id: str | None,
    since: datetime | None,
    until: datetime | None = None,
    matching: Filter | None = None,
) -> RunFilter:
    """Raises `InvalidRunError` for a status that there is not."""
    given = (statuses,) if isinstance(statuses, str) else statuses
    known = tuple(chosen(RunStatus, one, "run status", field="status") for one in given)
    return RunFilter(known, assistant_id, _utc(since), _utc(until), matching)


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)  # one without a zone is this machine's time
