"""What a store keeps of the gateway's API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from ..contracts.api_keys import ApiKeyRecord


class ApiKeyStore(Protocol):
    """Keys by their ids. Of a secret only its digest is kept."""

    async def create(self, key: ApiKeyRecord, digest: str) -> None:
        """Write a key whose id is new."""
        ...

    async def get(self, key_id: str) -> tuple[ApiKeyRecord, str] | None:
        """A key, revoked or not, and the digest of its secret."""
        ...

    async def list(self, *, user_id: str | None = None) -> list[ApiKeyRecord]:
        """All of a user (`None`: of all), the last created first, revoked ones included."""
        ...

    async def revoke(self, key_id: str, at: datetime, *, user_id: str | None = None) -> bool:
        """It lets nobody in any more; whether there is such a key of this user. The first time counts."""
        ...
