"""What has become old: runs that ended before some time, and their events, which go before their records do."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sqlalchemy import Connection, bindparam, delete, func, select, update

from ..contracts.types import RunRecord
from . import contents
from .database import Database
from .rows import OF_RUN, RECORD_COLUMNS, to_record
from .schema import run_events, runs

_EVENTS = run_events.c
_THIS_RUN = _EVENTS.run_id == bindparam("of_run")
_HAS_EVENTS = select(_EVENTS.position).where(_EVENTS.run_id == runs.c.run_id, _EVENTS.void.is_(False)).exists()
_ENDED = select(*RECORD_COLUMNS).order_by(runs.c.run_id)
_THREAD = select(runs.c.thread_id).where(OF_RUN, runs.c.ended_at.is_not(None))
_NEWEST = select(func.max(_EVENTS.seq)).where(_EVENTS.thread_id == bindparam("of_thread"))
_OLDER = select(_EVENTS.position).where(_THIS_RUN, _EVENTS.seq < bindparam("newest"))
_EMPTY = (
    update(run_events)
    .where(_THIS_RUN, _EVENTS.void.is_(False))
    .values(void=True, content=None, chunks=None, digest=None, metadata={})
)


def ended(
    connection: Connection, before: datetime, after: RunRecord | None, limit: int, *, with_events: bool
) -> list[RunRecord]:
    """Runs that ended before then, behind the last one of the page before."""
    page = _ENDED.where(runs.c.ended_at < before)
    if with_events:
        page = page.where(_HAS_EVENTS)
    if after is not None:
        page = page.where(runs.c.run_id > after.run_id)
    return [to_record(row) for row in connection.execute(page.limit(limit)).mappings()]


def drop_events(connection: Connection, run_id: str, limit: int) -> int:
    """Remove events of a run that has ended. Of the thread's newest one its place stays: the next is behind it."""
    thread_id = connection.execute(_THREAD, {"of_run": run_id}).scalar_one_or_none()
    if thread_id is None:
        return 0
    newest = connection.execute(_NEWEST, {"of_thread": thread_id}).scalar_one()
    some = delete(run_events).where(_EVENTS.position.in_(_OLDER.limit(limit)))
    gone = connection.execute(some, {"of_run": run_id, "newest": newest or 0}).rowcount
    if gone < limit:
        gone += connection.execute(_EMPTY, {"of_run": run_id}).rowcount
        contents.drop(connection, run_id)
    return gone


class EndedRuns:
    """A part of the store: the runs that have ended."""

    _database: Database

    async def ended(
        self, before: datetime, *, with_events: bool = False, after: RunRecord | None = None, limit: int = 100
    ) -> list[RunRecord]:
        """Runs that ended before then, some at a time."""
        page = partial(ended, before=before, after=after, limit=limit, with_events=with_events)
        return await self._database.read(page)
