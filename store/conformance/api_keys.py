"""What a store promises of API keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ...contracts.api_keys import ApiKeyRecord
from ..contract import Store

_CREATED = datetime(2026, 1, 31, 9, tzinfo=UTC)
_LATER = datetime(2026, 2, 1, 9, tzinfo=UTC)


def api_key(key_id: str = "k1", user_id: str = "ann", **fields: Any) -> ApiKeyRecord:
    return ApiKeyRecord(key_id=key_id, user_id=user_id, created_at=_CREATED, **fields)


class ApiKeyPromises:
    """A key is found by its id, listed by its user, and revoked once and for all."""

    async def test_a_key_is_kept_with_the_digest_of_its_secret(self, store: Store) -> None:
        written = api_key(label="laptop", expires_at=_LATER)
        await store.api_keys.create(written, "d1")
        assert await store.api_keys.get("k1") == (written, "d1")
        assert await store.api_keys.get("k2") is None

    async def test_keys_are_listed_by_user(self, store: Store) -> None:
        for key_id, user in (("k1", "ann"), ("k2", "bob"), ("k3", "ann")):
            await store.api_keys.create(api_key(key_id, user), "d")
        assert [one.key_id for one in await store.api_keys.list()] == ["k3", "k2", "k1"]
        assert [one.key_id for one in await store.api_keys.list(user_id="ann")] == ["k3", "k1"]

    async def test_a_key_is_revoked_once_and_for_all(self, store: Store) -> None:
        await store.api_keys.create(api_key(), "d1")
        assert not await store.api_keys.revoke("k1", _LATER, user_id="bob")
        assert await store.api_keys.revoke("k1", _LATER, user_id="ann")
        assert await store.api_keys.revoke("k1", datetime(2026, 3, 1, tzinfo=UTC))
        assert not await store.api_keys.revoke("k2", _LATER)
        assert await store.api_keys.get("k1") == (api_key(revoked_at=_LATER), "d1")
