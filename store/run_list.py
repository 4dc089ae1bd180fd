"""Lists of runs, newest first, page by page."""

from __future__ import annotations

from sqlalchemy import ColumnElement, select

from ..contracts.errors import RunNotFoundError
from .contract import StoredRun
from .database import Database
from .rows import STORED_COLUMNS, conditions, to_stored
from .run_filter import RunFilter
from .schema import runs, threads
from .thread_matching import matching


async def page(
    database: Database, thread_id: str | None, user_id: str | None, limit: int, before: str | None, which: RunFilter
) -> list[StoredRun]:
    """See `SqlStore.list`."""
    if limit < 0:
        raise ValueError(f"limit is {limit}: it must be 0 or more")
    wanted = ((runs.c.thread_id, thread_id), (runs.c.user_id, user_id))
    listed = [column == value for column, value in wanted if value is not None]
    having = [*listed, *conditions(which), *_of_threads(database, which)]
    query = select(*STORED_COLUMNS).where(*having).order_by(runs.c.position.desc()).limit(limit)
    if before is None:
        return [to_stored(row) for row in await database.fetch(query)]
    # Not of `which`: that run may have got another status since the page that it ended.
    mark = select(runs.c.position).where(runs.c.run_id == before, *listed)
    rows = await database.fetch(query.where(runs.c.position < mark.scalar_subquery()))
    if not rows and not await database.fetch(mark):
        raise RunNotFoundError(before)
    return [to_stored(row) for row in rows]


def _of_threads(database: Database, which: RunFilter) -> list[ColumnElement[bool]]:
    if which.matching is None:
        return []
    seen = select(threads.c.thread_id).where(matching(database.dialect, which.matching))
    return [runs.c.thread_id.in_(seen)]
