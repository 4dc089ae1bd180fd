"""How Temporal shows users: its search attributes are never encrypted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from .errors import ConfigError
from .keyring import Keyring
from .temporal_settings import UserIdForm
from .wire import SEARCH_USER_ID

_SIZE = 16
"""Bytes of a hash: enough that no two users share one."""
_DOMAIN = b"user\n"

ShowUser = Callable[[str | None], str | None]
"""What the search attribute of a user is; `None`: there is none."""


@dataclass(frozen=True, slots=True)
class ShownUsers:
    """By the settings. It is a `ShowUser`."""

    form: UserIdForm = "clear"
    keyring: Keyring | None = None

    def __call__(self, user_id: str | None) -> str | None:
        """The form in which it is shown, if it is."""
        if user_id is None or self.form == "omitted":
            return None
        return user_id if self.form == "clear" else self._hashes(user_id)[0]

    def all_of(self, user_id: str) -> tuple[str, ...]:
        """All forms in which the user may be shown, the newest first: keys change. Raises `ConfigError`."""
        if self.form == "omitted":
            raise ConfigError(
                "temporal.user_ids is `omitted`: Temporal does not know whose a run is; the records do (`perdure show`)"
            )
        return (user_id,) if self.form == "clear" else self._hashes(user_id)

    def query(self, user_id: str) -> str:
        """For `temporal workflow list --query`, and the list in Temporal's UI. Raises `ConfigError`."""
        forms = ", ".join(f'"{_escaped(form)}"' for form in self.all_of(user_id))
        return f"{SEARCH_USER_ID} IN ({forms})"

    def _hashes(self, user_id: str) -> tuple[str, ...]:
        """With the key that writes, and with the others; without keys one that whoever knows the id can make."""
        data = _DOMAIN + user_id.encode()
        if self.keyring is None:
            return (sha256(data).digest()[:_SIZE].hex(),)
        return tuple(digest.hex() for digest in self.keyring.digests(data, size=_SIZE))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
