"""Crons: what is run again and again."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, select, update

from ..contracts.crons import CronRecord
from ..contracts.specs import dump_spec, load_spec
from ..contracts.types import RunSpec
from .database import Database
from .schema import crons
from .thread_filter import leaves
from .upsert import insert

_OF_TEMPORAL = {"next", "recent"}
_COLUMNS = tuple(crons.c[name] for name in CronRecord.model_fields if name not in _OF_TEMPORAL)
_OF_SPEC = ("fields", "payload_kind", "payload")
_OF_CRON = crons.c.cron_id == bindparam("of_cron")
_SPEC = select(crons.c.fields, crons.c.payload_kind, crons.c.payload).where(_OF_CRON)
_WHOLE = select(*_COLUMNS, crons.c.fields, crons.c.payload_kind, crons.c.payload).where(_OF_CRON)
_MAY_DIFFER = {"created_at", "updated_at", "paused"}


class SqlCrons:
    """A `CronStore` in a SQL database. Every call raises `UnavailableError`, and may be repeated."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, cron: CronRecord, run: RunSpec) -> tuple[CronRecord, bool]:
        """Write a cron; or return the one that is there already, and whether it is the same."""
        spec = dump_spec(run)
        row = _row(cron, spec)

        def work(connection: Connection) -> tuple[CronRecord, bool]:
            connection.execute(insert(crons).values(row).on_conflict_do_nothing())
            found = connection.execute(_WHOLE, {"of_cron": cron.cron_id}).mappings().one()
            there = _to_record(found)
            same = _told(there) == _told(cron) and tuple(found[name] for name in _OF_SPEC) == spec
            return there, same

        return await self._database.write(work)

    async def get(self, cron_id: str) -> CronRecord | None:
        """The cron, or `None`."""
        rows = await self._database.fetch(select(*_COLUMNS).where(_OF_CRON), of_cron=cron_id)
        return _to_record(rows[0]) if rows else None

    async def get_spec(self, cron_id: str) -> RunSpec | None:
        """What each of its firings submits."""
        rows = await self._database.fetch(_SPEC, of_cron=cron_id)
        return load_spec(*rows[0].values()) if rows else None

    async def replace(self, cron: CronRecord, run: RunSpec) -> bool:
        """Write it over the one of its id; whether there was one."""
        row = _row(cron, dump_spec(run))
        statement = update(crons).where(crons.c.cron_id == cron.cron_id).values(row)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount > 0)

    async def find(
        self,
        *,
        user_id: str | None = None,
        thread_id: str | None = None,
        paused: bool | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> builtins.list[CronRecord]:
        """Those that have all of this, the last created first."""
        has = self._database.dialect.has
        wanted = [has(crons.c.metadata, path, value) for path, value in leaves(metadata or {})]
        wanted += [
            column == value
            for column, value in ((crons.c.user_id, user_id), (crons.c.thread_id, thread_id), (crons.c.paused, paused))
            if value is not None
        ]
        found = select(*_COLUMNS).where(*wanted).order_by(crons.c.position.desc())
        return [_to_record(row) for row in await self._database.fetch(found)]

    async def list(
        self, *, user_id: str | None = None, limit: int = 100, before: str | None = None
    ) -> builtins.list[CronRecord]:
        """The last created first."""
        page = select(*_COLUMNS).order_by(crons.c.position.desc()).limit(limit)
        if user_id is not None:
            page = page.where(crons.c.user_id == user_id)
        if before is not None:
            mark = select(crons.c.position).where(crons.c.cron_id == before).scalar_subquery()
            page = page.where(crons.c.position < mark)
        return [_to_record(row) for row in await self._database.fetch(page)]

    async def set_paused(self, cron_id: str, *, paused: bool) -> None:
        """Whether it fires by hand only."""
        statement = update(crons).where(crons.c.cron_id == cron_id).values(paused=paused)
        await self._database.write(lambda connection: connection.execute(statement))

    async def delete(self, cron_id: str, *, user_id: str | None = None) -> bool:
        """Remove it; whether there was one of this user."""
        gone = delete(crons).where(crons.c.cron_id == cron_id)
        if user_id is not None:
            gone = gone.where(crons.c.user_id == user_id)
        return await self._database.write(lambda connection: connection.execute(gone).rowcount > 0)


def _row(cron: CronRecord, spec: tuple[str, str, bytes]) -> dict[str, Any]:
    return {**cron.model_dump(exclude=_OF_TEMPORAL), **dict(zip(_OF_SPEC, spec, strict=True))}


def _to_record(row: RowMapping) -> CronRecord:
    found = {column.name: row[column.name] for column in _COLUMNS}
    return CronRecord.model_validate({**found, "metadata": found["metadata"] or {}})


def _told(cron: CronRecord) -> dict[str, object]:
    return cron.model_dump(exclude=_OF_TEMPORAL | _MAY_DIFFER)
