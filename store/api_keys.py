"""The gateway's API keys."""

from __future__ import annotations

import builtins
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select, update

from ..contracts.api_keys import ApiKeyRecord
from .database import Database
from .schema import api_keys
from .upsert import insert

_COLUMNS = tuple(api_keys.c[name] for name in ApiKeyRecord.model_fields)
_ONE = select(*_COLUMNS, api_keys.c.digest).where(api_keys.c.key_id == bindparam("of_key"))


class SqlApiKeys:
    """An `ApiKeyStore` in a SQL database. Every call raises `UnavailableError`, and may be repeated."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, key: ApiKeyRecord, digest: str) -> None:
        """Write a key whose id is new; the same one again changes nothing."""
        row = {**key.model_dump(), "digest": digest}
        statement = insert(api_keys).values(row).on_conflict_do_nothing()
        await self._database.write(lambda connection: connection.execute(statement))

    async def get(self, key_id: str) -> tuple[ApiKeyRecord, str] | None:
        """A key, and the digest of its secret."""
        found = await self._database.find(_ONE, of_key=key_id)
        if found is None:
            return None
        row = dict(found)
        digest = str(row.pop("digest"))
        return ApiKeyRecord.model_validate(row), digest

    async def list(self, *, user_id: str | None = None) -> builtins.list[ApiKeyRecord]:
        """The last created first."""
        wanted = select(*_COLUMNS).order_by(api_keys.c.position.desc())
        if user_id is not None:
            wanted = wanted.where(api_keys.c.user_id == user_id)
        return [ApiKeyRecord.model_validate(dict(row)) for row in await self._database.fetch(wanted)]

    async def revoke(self, key_id: str, at: datetime, *, user_id: str | None = None) -> bool:
        """It lets nobody in any more; whether there is such a key."""
        statement = update(api_keys).where(api_keys.c.key_id == key_id)
        if user_id is not None:
            statement = statement.where(api_keys.c.user_id == user_id)
        statement = statement.values(revoked_at=func.coalesce(api_keys.c.revoked_at, at))

        def work(connection: Connection) -> bool:
            return connection.execute(statement).rowcount > 0

        return await self._database.write(work)
