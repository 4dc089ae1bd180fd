"""How the row of a run moves while a worker drives it: fenced, never backwards, never beyond its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, case, delete, select, update

from ..contracts.errors import FencedError, RunNotFoundError
from ..contracts.types import RunInterrupt, RunRecord
from . import events, lifecycle, threads
from .rows import RECORD_COLUMNS, to_record
from .schema import run_values, runs
from .sqlite import insert


def larger(column: ColumnElement[int], value: int) -> ColumnElement[int]:
    """The larger of both: a count of an older attempt must not lower it. (Back ends disagree on `max`.)"""
    return case((column < value, value), else_=column)


def advance(
    connection: Connection,
    run_id: str,
    changes: Mapping[str, object],
    *,
    fence: int,
    human_message: object = None,
    interrupts: Sequence[RunInterrupt] = (),
) -> tuple[RunRecord, bool]:
    """Take the fence, write `changes` and tell of them; the record, and whether it moved.

    `human_message` and `interrupts` are told, too. A terminal record does not move, not even for an old fence: a worker
    that comes too late learns how the run ended. Raises `RunNotFoundError`, or `FencedError` when the run is open and
    has seen a larger fence.
    """
    query = select(*RECORD_COLUMNS, runs.c.submitted, runs.c.fence).where(runs.c.run_id == run_id).with_for_update()
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise RunNotFoundError(run_id)
    before = to_record(row)
    if before.status.terminal:
        return before, False
    if row["fence"] > fence:
        raise FencedError(run_id, fence, row["fence"])
    # Who drives a run proves that Temporal has taken it, whether or not the submission was acknowledged.
    statement = update(runs).where(runs.c.run_id == run_id).values(fence=fence, submitted=True, **changes)
    moved = connection.execute(statement.returning(*RECORD_COLUMNS))
    record = to_record(moved.mappings().one())
    if not row["submitted"]:
        threads.begin(connection, record)  # which follows the run, too
    told = [*lifecycle.changes(before, record, human_message=human_message, interrupts=interrupts)]
    lifecycle.append(connection, run_id, told)
    events.tell(connection, record, told, fence=fence)
    if row["submitted"] and record.status is not before.status:
        threads.follow(connection, record)
    return record, True


def replace_values(connection: Connection, run_id: str, values: bytes | None) -> None:
    """The run's values; `None` removes those of before, which would pass for the state that could not be read."""
    if values is None:
        connection.execute(delete(run_values).where(run_values.c.run_id == run_id))
        return
    statement = insert(run_values).values(run_id=run_id, data=values)
    newer = {"data": statement.excluded.data}
    connection.execute(statement.on_conflict_do_update(index_elements=[run_values.c.run_id], set_=newer))
