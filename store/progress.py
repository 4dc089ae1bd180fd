"""How the row of a run moves while a worker drives it: fenced, never backwards, never beyond its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    bindparam,
    case,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.sql.selectable import TypedReturnsRows

from ..contracts.errors import FencedError, RunNotFoundError
from ..contracts.types import RunInterrupt, RunRecord
from . import events, lifecycle, threads
from .rows import OF_RUN, PLACED, RECORD_COLUMNS, to_record
from .schema import UtcDateTime, run_values, runs
from .sealing import SealedText
from .upsert import insert

_NOW = select(*RECORD_COLUMNS, runs.c.submitted, runs.c.fence).where(OF_RUN).with_for_update()
_REPLACED = insert(run_values)
_REPLACE = _REPLACED.on_conflict_do_update(index_elements=[run_values.c.run_id], set_={"data": _REPLACED.excluded.data})
_NO_VALUES = delete(run_values).where(run_values.c.run_id == bindparam("of_run"))

# Who drives a run proves that Temporal has taken it, whether or not the submission was acknowledged.
_MOVE = update(runs).where(OF_RUN).values(submitted=True)
_MOMENT = bindparam("moment", type_=UtcDateTime)


def _larger(column: ColumnElement[int], parameter: str) -> ColumnElement[int]:
    """The larger of both: a count of an older attempt must not lower it. (Back ends disagree on `max`.)"""
    value = bindparam(parameter, type_=Integer)
    return case((column < value, value), else_=column)


# What `advance` takes for the changes of a run. A parameter that is named like a column is written to it as it is.
TO_WORK = _MOVE.values(
    attempt=_larger(runs.c.attempt, "number"),
    started_at=func.coalesce(runs.c.started_at, _MOMENT),
    updated_at=_MOMENT,
    sequence=PLACED,
).returning(*RECORD_COLUMNS)
TO_REST = _MOVE.values(
    steps=_larger(runs.c.steps, "count"),
    title=func.coalesce(bindparam("name", type_=SealedText), runs.c.title),
    updated_at=_MOMENT,
    sequence=PLACED,
).returning(*RECORD_COLUMNS)

_NOTE = (
    update(runs)
    .where(OF_RUN, runs.c.fence <= bindparam("own_fence", type_=BigInteger), runs.c.ended_at.is_(None))
    .values(steps=_larger(runs.c.steps, "count"))
)


def advance(
    connection: Connection,
    run_id: str,
    move: TypedReturnsRows[*tuple[Any, ...]],
    changes: Mapping[str, object],
    *,
    fence: int,
    capture: bool,
    human_message: object = None,
    interrupts: Sequence[RunInterrupt] = (),
    attempt: Mapping[str, object] | None = None,
) -> tuple[RunRecord, bool]:
    """Take the fence, write `changes` and tell of them; the record, and whether it moved.

    `move` is `TO_WORK` or `TO_REST`, and `changes` are its parameters. `human_message`, `interrupts` and `attempt`
    are told, too; `capture`: the event of the message has its content.
    A terminal record does not move, not even for an old fence: a worker that comes too late learns how the run ended.
    Raises `RunNotFoundError`, or `FencedError` when the run is open and has seen a larger fence.
    """
    row = connection.execute(_NOW, {"of_run": run_id}).mappings().one_or_none()
    if row is None:
        raise RunNotFoundError(run_id)
    before = to_record(row)
    if before.status.terminal:
        return before, False
    if row["fence"] > fence:
        raise FencedError(run_id, fence, row["fence"])
    moved = connection.execute(move, {"of_run": run_id, "fence": fence, **changes})
    record = to_record(moved.mappings().one())
    if not row["submitted"]:
        threads.begin(connection, record)  # which follows the run, too
    changes_told = lifecycle.changes(
        before, record, human_message=human_message, interrupts=interrupts, attempt=attempt
    )
    told = [*changes_told]
    lifecycle.append(connection, run_id, told)
    events.tell(connection, record, told, fence=fence, capture=capture)
    if row["submitted"] and record.status is not before.status:
        threads.follow(connection, record)
    return record, True


def note_steps(connection: Connection, run_id: str, steps: int, fence: int) -> None:
    """In the row of a run that goes on, and has not been taken over."""
    connection.execute(_NOTE, {"of_run": run_id, "own_fence": fence, "count": steps})


def replace_values(connection: Connection, run_id: str, values: bytes | None) -> None:
    """The run's values; `None` removes those of before, which would pass for the state that could not be read."""
    if values is None:
        connection.execute(_NO_VALUES, {"of_run": run_id})
    else:
        connection.execute(_REPLACE, {"run_id": run_id, "data": values})
