"""Lists of runs, newest first, page by page."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, bindparam, select, true

from ..contracts.errors import RunNotFoundError
from ..contracts.types import RunStatus
from .contract import StoredRun
from .database import Database
from .rows import OF_THREAD, STORED_COLUMNS, conditions, to_stored
from .run_filter import RunFilter
from .schema import runs, threads
from .thread_matching import matching


async def page(
    database: Database, thread_id: str | None, user_id: str | None, limit: int, before: str | None, which: RunFilter
) -> list[StoredRun]:
    """See `SqlStore.list`."""
    if limit < 0:
        raise ValueError(f"limit is {limit}: it must be 0 or more")
    given = {"of_thread": thread_id, "of_user": user_id, "most": limit}
    query, mark = _queries(thread_id is not None, user_id is not None, tuple(which.statuses))
    beside = [*conditions(replace(which, statuses=())), *_of_threads(database, which)]
    query = query.where(*beside) if beside else query
    if before is None:
        return [to_stored(row) for row in await database.fetch_page(query, limit, **given)]
    given["before"] = before
    rows = await database.fetch_page(query.where(runs.c.position < mark.scalar_subquery()), limit, **given)
    if not rows and not await database.fetch(mark, **given):
        raise RunNotFoundError(before)
    return [to_stored(row) for row in rows]


@lru_cache(maxsize=100)
def _queries(of_thread: bool, of_user: bool, statuses: tuple[RunStatus, ...]) -> tuple[Select[Any], Select[Any]]:
    """Of a page, and of the place of the run before it. (To make them takes as long as all the rest.)"""
    listed = [*([OF_THREAD] if of_thread else []), *([_OF_USER] if of_user else [])]
    page = select(*STORED_COLUMNS).where(true(), *listed, *conditions(RunFilter(statuses)))
    # Not of the statuses: that run may have got another one since the page that it ended.
    mark = select(runs.c.position).where(runs.c.run_id == bindparam("before"), *listed)
    return page.order_by(runs.c.position.desc()).limit(bindparam("most", type_=Integer)), mark


_OF_USER = runs.c.user_id == bindparam("of_user")


def _of_threads(database: Database, which: RunFilter) -> list[ColumnElement[bool]]:
    if which.matching is None:
        return []
    seen = select(threads.c.thread_id).where(matching(database.dialect, which.matching))
    return [runs.c.thread_id.in_(seen)]
