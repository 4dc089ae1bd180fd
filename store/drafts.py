"""Writing a draft, what becomes of it, and removing a run."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, or_, select, update

from ..contracts.limit_errors import LimitError
from ..contracts.types import RunRecord
from . import threads
from .contract import StoredRun
from .locks import lock_user
from .rows import OF_RUN, PLACE, PLACED, RECORD_COLUMNS, STORED_COLUMNS, STORED_RUN, record_row, to_record, to_stored
from .schema import run_specs, runs
from .upsert import insert

_DRAFT = insert(runs).on_conflict_do_nothing().returning(*STORED_COLUMNS)
_SPEC = insert(run_specs)
_IN_FLIGHT = select(func.count()).where(runs.c.user_id == bindparam("of_user"), runs.c.ended_at.is_(None))
_TAKEN_UP = (
    update(runs)
    .where(OF_RUN, runs.c.submitted.is_(False))
    .values(updated_at=bindparam("now"))
    .returning(*STORED_COLUMNS)
)
_SUBMITTED = (
    update(runs)
    .where(
        OF_RUN,
        or_(runs.c.submitted.is_(False), and_(runs.c.sequence.is_(None), PLACE.is_not(None))),
    )
    .values(submitted=True, sequence=PLACED)
    .returning(*RECORD_COLUMNS)
)


def create(
    connection: Connection,
    record: RunRecord,
    spec: tuple[str, str, bytes],
    temporal: str | None,
    most_of_user: int | None = None,
) -> tuple[StoredRun, bool]:
    """Insert record and dumped spec, unless there is a run of this id; what is there, and whether it is new.

    A draft that is there is taken up: from now on it is for this caller to discard. Raises `ThreadTakenError` when the
    thread is another user's, `LimitError` when the user has more runs now.
    """
    new = connection.execute(_DRAFT, {**record_row(record), "submitted": False, "fence": 0, "temporal": temporal})
    if row := new.mappings().one_or_none():
        if most_of_user is not None and record.user_id is not None:
            _check_user(connection, record.user_id, most_of_user)
        threads.claim(connection, record)
        fields, kind, payload = spec
        values = {"run_id": record.run_id, "fields": fields, "payload_kind": kind, "payload": payload}
        connection.execute(_SPEC, values)
        return to_stored(row), True
    old = to_stored(connection.execute(STORED_RUN, {"of_run": record.run_id}).mappings().one())
    if (old.record.thread_id, old.record.user_id) == (record.thread_id, record.user_id):
        taken_up = connection.execute(_TAKEN_UP, {"of_run": record.run_id, "now": record.updated_at})
        if row := taken_up.mappings().one_or_none():
            return to_stored(row), False
    return old, False


def _check_user(connection: Connection, user_id: str, limit: int) -> None:
    lock_user(connection, user_id)  # of two that come at once, the second one counts the first
    count: int = connection.execute(_IN_FLIGHT, {"of_user": user_id}).scalar_one()
    if count > limit:
        raise LimitError("runs_per_user", limit, f"user {user_id!r} has {count - 1} runs that have not ended")


def mark_submitted(connection: Connection, run_id: str, sequence: int | None) -> None:
    """No draft any more, in the place that it was given first. A worker may have written all of that already."""
    written = connection.execute(_SUBMITTED, {"of_run": run_id, "place": sequence})
    if row := written.mappings().one_or_none():
        threads.begin(connection, to_record(row))


def remove(connection: Connection, *which: ColumnElement[bool]) -> bool:
    """Remove a run; its spec and values go with it. Whether there was one."""
    removed = delete(runs).where(*which).returning(runs.c.thread_id, runs.c.sequence)
    gone = connection.execute(removed).one_or_none()
    if gone is not None:
        threads.release(connection, *gone)
    return gone is not None
