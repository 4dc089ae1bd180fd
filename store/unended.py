"""Runs that have no end: those of a thread in their order, all of them for housekeeping, and who looks after them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, bindparam, func, or_, select, tuple_

from ..contracts.types import RunRecord
from .contract import ThreadLine
from .rows import OF_THREAD, RECORD_COLUMNS, to_record
from .schema import UtcDateTime, leases, runs, threads
from .upsert import insert

# As the index that has only these runs: in the order of creation all records would be looked through.
_ORDER = (runs.c.thread_id, runs.c.run_id)
UNENDED = select(*RECORD_COLUMNS).where(runs.c.ended_at.is_(None)).order_by(*_ORDER)

_NEW = insert(leases)
_LEASE = _NEW.on_conflict_do_update(
    index_elements=[leases.c.name],
    set_={"holder": _NEW.excluded.holder, "until": _NEW.excluded.until},
    where=or_(leases.c.holder == _NEW.excluded.holder, leases.c.until <= bindparam("now", type_=UtcDateTime)),
).returning(leases.c.name)
# What executes comes first, whatever its place: it may be unknown, when the client died before it wrote it.
_LINE = (
    select(runs.c.run_id)
    .where(OF_THREAD, runs.c.submitted, runs.c.ended_at.is_(None))
    .order_by(runs.c.started_at.is_(None), runs.c.sequence.is_(None), runs.c.sequence, runs.c.position)
)
# A place is given to a run that is submitted, so here the index is enough.
_LAST_PLACE = select(func.max(runs.c.sequence)).where(OF_THREAD)
_LAST_DELETED = select(threads.c.last_place).where(threads.c.thread_id == bindparam("of_thread"))


def page(connection: Connection, limit: int, after: RunRecord | None) -> Sequence[RunRecord]:
    """Runs that have no end, behind the last one of the page before."""
    query = UNENDED
    if after is not None:
        query = query.where(tuple_(*_ORDER) > (after.thread_id, after.run_id))
    return [to_record(row) for row in connection.execute(query.limit(limit)).mappings()]


def take_lease(connection: Connection, name: str, holder: str, seconds: float) -> bool:
    """Whether the holder has it now."""
    now = datetime.now(UTC)
    row = {"name": name, "holder": holder, "until": now + timedelta(seconds=seconds)}
    return connection.execute(_LEASE, {**row, "now": now}).first() is not None


def line(connection: Connection, thread_id: str) -> ThreadLine:
    """The thread's runs in flight, and its last sequence."""
    of_thread = {"of_thread": thread_id}
    in_flight = connection.execute(_LINE, of_thread).scalars().all()
    places = [connection.execute(last, of_thread).scalar_one_or_none() for last in (_LAST_PLACE, _LAST_DELETED)]
    return ThreadLine(tuple(in_flight), max(place or 0 for place in places))
