"""Writing a draft, what becomes of it, and removing a run."""

from __future__ import annotations

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ..contracts.types import RunRecord
from .contract import StoredRun
from .rows import STORED_COLUMNS, record_row, to_stored
from .schema import run_specs, runs
from .sqlite import insert


async def create(
    connection: AsyncConnection, record: RunRecord, spec: tuple[str, str, bytes]
) -> tuple[StoredRun, bool]:
    """Insert record and dumped spec, unless there is a run of this id; what is there, and whether it is new."""
    draft = insert(runs).values(**record_row(record), submitted=False, fence=0)
    new = await connection.execute(draft.on_conflict_do_nothing().returning(*STORED_COLUMNS))
    if row := new.mappings().one_or_none():
        fields, kind, payload = spec
        values = {"run_id": record.run_id, "fields": fields, "payload_kind": kind, "payload": payload}
        await connection.execute(insert(run_specs).values(values))
        return to_stored(row), True
    old = await connection.execute(select(*STORED_COLUMNS).where(runs.c.run_id == record.run_id))
    return to_stored(old.mappings().one()), False


async def mark_submitted(connection: AsyncConnection, run_id: str, sequence: int | None) -> None:
    """No draft any more, in the place that it was given first."""
    place = func.coalesce(runs.c.sequence, sequence)
    await connection.execute(update(runs).where(runs.c.run_id == run_id).values(submitted=True, sequence=place))


async def remove(connection: AsyncConnection, *which: ColumnElement[bool]) -> bool:
    """Remove a run; its spec and values go with it. Whether there was one."""
    gone = await connection.execute(delete(runs).where(*which).returning(runs.c.position))
    return gone.first() is not None
