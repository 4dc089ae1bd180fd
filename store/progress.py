"""How the row of a run moves while a worker drives it: fenced, never backwards, never beyond its end."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ColumnElement, case, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ..contracts.errors import FencedError, RunNotFoundError
from ..contracts.types import RunRecord, RunStatus
from .rows import RECORD_COLUMNS, to_record
from .schema import run_values, runs
from .sqlite import insert

_OPEN = tuple(status.value for status in RunStatus if not status.terminal)


def larger(column: ColumnElement[int], value: int) -> ColumnElement[int]:
    """The larger of both: a count of an older attempt must not lower it. (Back ends disagree on `max`.)"""
    return case((column < value, value), else_=column)


async def advance(
    connection: AsyncConnection, run_id: str, changes: Mapping[str, object], *, fence: int
) -> tuple[RunRecord, bool]:
    """Take the fence and write `changes`; the record, and whether it moved.

    A terminal record does not move, not even for an old fence: a worker that comes too late learns how the run
    ended. Raises `RunNotFoundError`, or `FencedError` when the run is open and has seen a larger fence.
    """
    movable = (runs.c.run_id == run_id, runs.c.status.in_(_OPEN), runs.c.fence <= fence)
    # Who drives a run proves that Temporal has taken it, whether or not the submission was acknowledged.
    statement = update(runs).where(*movable).values(fence=fence, submitted=True, **changes)
    moved = (await connection.execute(statement.returning(*RECORD_COLUMNS))).mappings().one_or_none()
    if moved is not None:
        return to_record(moved), True
    return await _as_it_is(connection, run_id, fence), False


async def _as_it_is(connection: AsyncConnection, run_id: str, fence: int) -> RunRecord:
    query = select(*RECORD_COLUMNS, runs.c.fence).where(runs.c.run_id == run_id)
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise RunNotFoundError(run_id)
    record = to_record(row)
    if not record.status.terminal:
        raise FencedError(run_id, fence, row["fence"])
    return record


async def replace_values(connection: AsyncConnection, run_id: str, values: bytes | None) -> None:
    """The run's values; `None` removes those of before, which would pass for the state that could not be read."""
    if values is None:
        await connection.execute(delete(run_values).where(run_values.c.run_id == run_id))
        return
    statement = insert(run_values).values(run_id=run_id, data=values)
    newer = {"data": statement.excluded.data}
    await connection.execute(statement.on_conflict_do_update(index_elements=[run_values.c.run_id], set_=newer))
