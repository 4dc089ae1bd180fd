"""API keys of the gateway: what is told of one, and what of its secret may be kept.

A key is `perdure_<id>_<secret>`. The id is no secret: it says which row to compare with. The secret has 256 random
bits, so that a plain SHA-256 of it tells nothing that could be guessed (a password would need a slow hash).
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime
from hashlib import sha256

from pydantic import Field

from .identifiers import ID_MAX_LENGTH
from .types import Frozen

_PREFIX = "perdure"
_ID_BYTES, _SECRET_BYTES = 6, 32


class ApiKeyRecord(Frozen):
    """What is known of an API key. Times are UTC."""

    key_id: str
    user_id: str = Field(min_length=1, max_length=ID_MAX_LENGTH, pattern=r"^[^\x00]*$")
    """On whose behalf its requests are done."""
    label: str | None = Field(default=None, max_length=ID_MAX_LENGTH, pattern=r"^[^\x00]*$")
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def usable(self, now: datetime) -> bool:
        """Whether it lets in."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class NewApiKey(Frozen):
    """A key that was just made, with the only sight of its secret."""

    record: ApiKeyRecord
    key: str = Field(repr=False)


def new_key() -> tuple[str, str]:
    """The id of a new key, and the key."""
    key_id = secrets.token_hex(_ID_BYTES)
    return key_id, f"{_PREFIX}_{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"


def id_of(key: str) -> str | None:
    """Which key it says that it is; `None`: it is none of ours."""
    prefix, _, rest = key.partition("_")
    key_id, separator, secret = rest.partition("_")
    return key_id if prefix == _PREFIX and separator and secret else None


def digest_of(key: str) -> str:
    """What is kept of it."""
    return sha256(key.encode()).hexdigest()


def is_same(key: str, digest: str) -> bool:
    """Compared in a time that tells nothing."""
    return hmac.compare_digest(digest_of(key), digest)
