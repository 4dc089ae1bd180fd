"""Between rows and the public models, and how a statement names the rows that several modules ask for."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Integer, RowMapping, bindparam, func, select

from ..contracts.serialization.serializer import from_json
from ..contracts.types import RunRecord, WaitResult
from .contract import StoredRun
from .run_filter import RunFilter
from .schema import run_values, runs

RECORD_COLUMNS = tuple(runs.c[name] for name in RunRecord.model_fields)
STORED_COLUMNS = (*RECORD_COLUMNS, runs.c.submitted, runs.c.temporal)
RESULT_COLUMNS = (runs.c.run_id, runs.c.thread_id, runs.c.status, runs.c.error, runs.c.interrupts, run_values.c.data)

# With parameters of these names.
OF_RUN = runs.c.run_id == bindparam("of_run")
OF_THREAD = runs.c.thread_id == bindparam("of_thread")
STORED_RUN = select(*STORED_COLUMNS).where(OF_RUN)
PLACE = bindparam("place", type_=Integer)
PLACED = func.coalesce(runs.c.sequence, PLACE)
"""A place that a run has stays."""


def record_row(record: RunRecord) -> dict[str, object]:
    """The columns of a record. Enumerations are plain strings: drivers differ in what they make of an enum."""
    row: dict[str, object] = record.model_dump()
    for name in ("status", "multitask_strategy", "cancel_action"):
        row[name] = None if row[name] is None else str(row[name])
    return row


def to_record(row: RowMapping) -> RunRecord:
    """The record in a row that has `RECORD_COLUMNS`."""
    return RunRecord.model_validate({name: row[name] for name in RunRecord.model_fields})


def to_stored(row: RowMapping) -> StoredRun:
    """The run in a row that has `STORED_COLUMNS`."""
    return StoredRun(to_record(row), submitted=row["submitted"], temporal=row["temporal"])


def to_result(row: RowMapping) -> WaitResult:
    """The result in a row that has `RESULT_COLUMNS`."""
    return WaitResult(
        run_id=row["run_id"],
        thread_id=row["thread_id"],
        status=row["status"],
        values=None if row["data"] is None else from_json(row["data"]),
        error=row["error"],
        interrupts=row["interrupts"] or (),
    )


def conditions(which: RunFilter) -> list[ColumnElement[bool]]:
    """What the runs of a list have in common."""
    found: list[ColumnElement[bool]] = []
    if which.statuses:
        found.append(runs.c.status.in_([status.value for status in which.statuses]))
    if which.assistant_id is not None:
        found.append(runs.c.assistant_id == which.assistant_id)
    if which.since is not None:
        found.append(runs.c.created_at >= which.since)
    if which.until is not None:
        found.append(runs.c.created_at < which.until)
    return found
