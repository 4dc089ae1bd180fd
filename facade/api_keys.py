"""`ApiKeys`: who may call the gateway, as the store keeps it."""

from __future__ import annotations

import builtins
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from ..contracts.actor import resolve_user_id
from ..contracts.api_keys import ApiKeyRecord, NewApiKey, digest_of, id_of, is_same, new_key
from ..contracts.errors import InvalidRunError
from ..store.contract import Store

_NOBODY = digest_of("")


class ApiKeys:
    """The API keys of one facade: `runs.api_keys`. A bound actor has those of his own only."""

    def __init__(self, store: Store) -> None:
        self._store = store.api_keys

    async def create(self, user_id: str, *, label: str | None = None, expires_in: timedelta | None = None) -> NewApiKey:
        """Make a key of this user. Its secret is in this answer and nowhere else. Raises `InvalidRunError`."""
        if resolve_user_id() not in (None, user_id):
            raise InvalidRunError("user_id: a user makes keys of his own only", field="user_id")
        key_id, key = new_key()
        now = datetime.now(UTC)
        ends = None if expires_in is None else now + expires_in
        try:
            record = ApiKeyRecord(key_id=key_id, user_id=user_id, label=label, created_at=now, expires_at=ends)
        except ValidationError as exc:
            told = "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in exc.errors())
            raise InvalidRunError(told) from exc
        await self._store.create(record, digest_of(key))
        return NewApiKey(record=record, key=key)

    async def list(self) -> builtins.list[ApiKeyRecord]:
        """The last created first, those that were revoked or have expired included."""
        return await self._store.list(user_id=resolve_user_id())

    async def revoke(self, key_id: str) -> bool:
        """It lets nobody in any more; gateways that know it see to that within 2 s. False if unknown."""
        return await self._store.revoke(key_id, datetime.now(UTC), user_id=resolve_user_id())

    async def find(self, key: str) -> ApiKeyRecord | None:
        """The record of a key that lets in now; `None` for any other text."""
        key_id = id_of(key)
        found = None if key_id is None else await self._store.get(key_id)
        record, digest = (None, _NOBODY) if found is None else found
        return record if is_same(key, digest) and record is not None and record.usable(datetime.now(UTC)) else None
