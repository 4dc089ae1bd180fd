"""What housekeeping asks of the records: which runs have no end, and who looks after them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, bindparam, or_, select, tuple_

from ..contracts.types import RunRecord
from .rows import RECORD_COLUMNS, to_record
from .schema import UtcDateTime, leases, runs
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
