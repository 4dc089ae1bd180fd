"""Callers with API keys."""

from __future__ import annotations

import time
from collections import OrderedDict
from functools import partial

from starlette.requests import HTTPConnection

from ..contracts.api_keys import ApiKeyRecord, digest_of, id_of
from ..facade.api_keys import ApiKeys
from .callers import Caller, bearer, caller_of, user_named
from .errors import refuse

LIFETIME = 2.0
"""Seconds for which the store is not asked again: so long a revoked key is let in at most."""
_MOST = 10_000


class KeyCallers:
    """By `X-Api-Key`, or by `Authorization: Bearer`. What is none of our keys is somebody else's to judge."""

    def __init__(self, keys: ApiKeys) -> None:
        self._keys = keys
        self._known: OrderedDict[str, tuple[float, ApiKeyRecord | None]] = OrderedDict()

    async def __call__(self, connection: HTTPConnection) -> Caller | None:
        given = (connection.headers.get("x-api-key"), bearer(connection))
        key = next((one for one in given if one is not None and id_of(one) is not None), None)
        if key is None:
            return None
        record = await self._record(key)
        if record is None:
            raise refuse(401, "the API key is not valid: it is unknown, was revoked, or has expired")
        return caller_of(user_named(record.user_id), partial(self._still, key))

    async def _still(self, key: str) -> bool:
        return await self._record(key) is not None

    async def _record(self, key: str) -> ApiKeyRecord | None:
        digest, now = digest_of(key), time.monotonic()
        at, record = self._known.get(digest, (-LIFETIME, None))
        if now - at < LIFETIME:
            return record
        record = await self._keys.find(key)
        self._known[digest] = now, record
        self._known.move_to_end(digest)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        return record
