"""Assistants: what runs begin with, in versions."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, func, select, update

from ..contracts.assistants import AssistantRecord, AssistantVersion
from .assistant_tables import assistant_versions, assistants
from .database import Database
from .thread_filter import leaves
from .upsert import insert

_OF_VERSION = tuple(assistant_versions.c[name] for name in AssistantVersion.model_fields)
_CURRENT = and_(
    assistant_versions.c.assistant_id == assistants.c.assistant_id,
    assistant_versions.c.version == assistants.c.version,
)
_RECORD = select(
    *(column for column in _OF_VERSION if column.name != "created_at"),
    assistants.c.created_at,
    assistants.c.user_id,
    assistants.c.updated_at,
).select_from(assistants.join(assistant_versions, _CURRENT))


class SqlAssistants:
    """An `AssistantStore` in a SQL database. Every call raises `UnavailableError`; all but `change` may be repeated."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, assistant: AssistantRecord) -> tuple[AssistantRecord, bool]:
        """Write an assistant with its first version; or what is there already, and `False`."""

        def work(connection: Connection) -> tuple[AssistantRecord, bool]:
            row = assistant.model_dump(include={"assistant_id", "user_id", "version", "created_at", "updated_at"})
            new = insert(assistants).values(row).on_conflict_do_nothing().returning(assistants.c.position)
            written = connection.execute(new).first() is not None
            if written:
                _write_version(connection, assistant)
            found = _find(connection, assistant.assistant_id)
            assert found is not None
            return found, written

        return await self._database.write(work)

    async def get(self, assistant_id: str, *, user_id: str | None = None) -> AssistantRecord | None:
        """The assistant, or `None`."""
        rows = await self._database.fetch(_RECORD.where(*_its(assistant_id, user_id)))
        return _to_record(rows[0]) if rows else None

    async def change(
        self, assistant_id: str, changes: Mapping[str, Any], *, at: datetime, user_id: str | None = None
    ) -> AssistantRecord | None:
        """Make a version that differs so from the current one, and let it be current."""

        def work(connection: Connection) -> AssistantRecord | None:
            if not _touch(connection, assistant_id, user_id, at):
                return None
            before = _find(connection, assistant_id)
            assert before is not None
            version = _last(connection, assistant_id) + 1
            fields = before.changed(changes)
            _write_version(
                connection, AssistantVersion(**fields, assistant_id=assistant_id, version=version, created_at=at)
            )
            _point(connection, assistant_id, version)
            return _find(connection, assistant_id)

        return await self._database.write(work)

    async def set_version(
        self, assistant_id: str, version: int, *, at: datetime, user_id: str | None = None
    ) -> AssistantRecord | None:
        """Let a version be the current one; `None` where there is no such version."""
        of_it = (assistant_versions.c.assistant_id == assistant_id, assistant_versions.c.version == version)

        def work(connection: Connection) -> AssistantRecord | None:
            if connection.execute(select(assistant_versions.c.version).where(*of_it)).first() is None:
                return None
            if not _touch(connection, assistant_id, user_id, at):
                return None
            _point(connection, assistant_id, version)
            return _find(connection, assistant_id)

        return await self._database.write(work)

    async def versions(self, assistant_id: str) -> builtins.list[AssistantVersion]:
        """All of them, the newest first."""
        wanted = select(*_OF_VERSION).where(assistant_versions.c.assistant_id == assistant_id)
        rows = await self._database.fetch(wanted.order_by(assistant_versions.c.version.desc()))
        return [AssistantVersion.model_validate(dict(row)) for row in rows]

    async def list(
        self,
        *,
        user_id: str | None = None,
        graph_id: str | None = None,
        name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> builtins.list[AssistantRecord]:
        """Those that have all of this, the last created first."""
        has = self._database.dialect.has
        wanted = [has(assistant_versions.c.metadata, path, value) for path, value in leaves(metadata or {})]
        if user_id is not None:
            wanted.append(assistants.c.user_id == user_id)
        if graph_id is not None:
            wanted.append(assistant_versions.c.graph_id == graph_id)
        if name is not None:
            wanted.append(assistant_versions.c.name.icontains(name, autoescape=True))
        rows = await self._database.fetch(_RECORD.where(*wanted).order_by(assistants.c.position.desc()))
        return [_to_record(row) for row in rows]

    async def delete(self, assistant_id: str, *, user_id: str | None = None) -> bool:
        """Remove it with its versions; whether there was one."""
        gone = delete(assistants).where(*_its(assistant_id, user_id))
        return await self._database.write(lambda connection: connection.execute(gone).rowcount > 0)


def _its(assistant_id: str, user_id: str | None) -> list[ColumnElement[bool]]:
    its = [assistants.c.assistant_id == assistant_id]
    return its if user_id is None else [*its, assistants.c.user_id == user_id]


def _touch(connection: Connection, assistant_id: str, user_id: str | None, at: datetime) -> bool:
    """Also lets the next one wait that would change it."""
    touched = update(assistants).where(*_its(assistant_id, user_id)).values(updated_at=at)
    return connection.execute(touched).rowcount > 0


def _point(connection: Connection, assistant_id: str, version: int) -> None:
    connection.execute(update(assistants).where(*_its(assistant_id, None)).values(version=version))


def _last(connection: Connection, assistant_id: str) -> int:
    its = assistant_versions.c.assistant_id == assistant_id
    return int(connection.execute(select(func.max(assistant_versions.c.version)).where(its)).scalar_one())


def _write_version(connection: Connection, version: AssistantVersion) -> None:
    connection.execute(insert(assistant_versions), version.model_dump(include=set(AssistantVersion.model_fields)))


def _find(connection: Connection, assistant_id: str) -> AssistantRecord | None:
    row = connection.execute(_RECORD.where(*_its(assistant_id, None))).mappings().one_or_none()
    return None if row is None else _to_record(row)


def _to_record(row: RowMapping) -> AssistantRecord:
    return AssistantRecord.model_validate(dict(row))
