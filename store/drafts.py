"""Writing a draft, what becomes of it, and removing a run."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, delete, func, literal, or_, select, update

from ..contracts.types import RunRecord
from . import threads
from .contract import StoredRun
from .rows import RECORD_COLUMNS, STORED_COLUMNS, record_row, to_record, to_stored
from .schema import run_specs, runs
from .sqlite import insert


def create(connection: Connection, record: RunRecord, spec: tuple[str, str, bytes]) -> tuple[StoredRun, bool]:
    """Insert record and dumped spec, unless there is a run of this id; what is there, and whether it is new."""
    draft = insert(runs).values(**record_row(record), submitted=False, fence=0)
    new = connection.execute(draft.on_conflict_do_nothing().returning(*STORED_COLUMNS))
    if row := new.mappings().one_or_none():
        fields, kind, payload = spec
        values = {"run_id": record.run_id, "fields": fields, "payload_kind": kind, "payload": payload}
        connection.execute(insert(run_specs).values(values))
        return to_stored(row), True
    old = connection.execute(select(*STORED_COLUMNS).where(runs.c.run_id == record.run_id))
    return to_stored(old.mappings().one()), False


def mark_submitted(connection: Connection, run_id: str, sequence: int | None) -> None:
    """No draft any more, in the place that it was given first. A worker may have written all of that already."""
    unwritten = or_(runs.c.submitted.is_(False), and_(runs.c.sequence.is_(None), literal(sequence).is_not(None)))
    place = func.coalesce(runs.c.sequence, sequence)
    submitted = update(runs).where(runs.c.run_id == run_id, unwritten).values(submitted=True, sequence=place)
    written = connection.execute(submitted.returning(*RECORD_COLUMNS))
    if row := written.mappings().one_or_none():
        threads.begin(connection, to_record(row))


def remove(connection: Connection, *which: ColumnElement[bool]) -> bool:
    """Remove a run; its spec and values go with it. Whether there was one."""
    gone = connection.execute(delete(runs).where(*which).returning(runs.c.position))
    return gone.first() is not None
