"""What happened inside of runs, for a reader, page by page."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..contracts.actor import AUTO, UserId, resolve_user_id
from ..contracts.errors import InvalidRunError, nearest
from ..contracts.events import EVENT_CATEGORIES, EVENT_TYPES, RunEvent
from ..store.contract import Store
from ..store.event_contract import EventFilter
from .lookup import RunLookup


class Events:
    """What `RunsFacade` offers of run events. Another user's run is not found."""

    def __init__(self, store: Store, lookup: RunLookup) -> None:
        self._store = store
        self._lookup = lookup

    async def list(
        self,
        run_id: str | None,
        thread_id: str | None,
        *,
        categories: Sequence[str] = (),
        types: Sequence[str] = (),
        after: int | None = None,
        before: int | None = None,
        limit: int = 100,
        newest_first: bool = False,
        user_id: UserId = AUTO,
    ) -> list[RunEvent]:
        """A page of the events of a run or a thread, or of both."""
        if run_id is None and thread_id is None:
            raise InvalidRunError("say of which run or thread: run_id or thread_id is missing", field="run_id")
        if limit < 1:
            raise InvalidRunError(f"limit must be 1 or more, not {limit}", field="limit")
        wanted = EventFilter(
            run_id=run_id,
            thread_id=thread_id,
            user_id=resolve_user_id(user_id),
            categories=_known("categories", categories, EVENT_CATEGORIES),
            types=_known("types", types, EVENT_TYPES),
        )
        if run_id is not None:
            await self._lookup.existing(run_id)
        return await self._store.events.list(wanted, after=after, before=before, limit=limit, newest_first=newest_first)


def _known(field: str, given: Sequence[str], allowed: Collection[str]) -> Sequence[str]:
    names = (given,) if isinstance(given, str) else given
    for name in names:
        if name not in allowed:
            close = nearest(name, allowed)
            raise InvalidRunError(f"{field} has {name!r}{close}; allowed: {', '.join(allowed)}", field=field)
    return names
