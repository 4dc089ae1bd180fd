"""Who has called, as handlers of `Auth` and nodes are shown him: LangGraph's `BaseUser`, and a mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

AUTH_USER = "langgraph_auth_user"
AUTH_USER_ID = "langgraph_auth_user_id"
AUTH_PERMISSIONS = "langgraph_auth_permissions"
AUTH_KEYS = (AUTH_USER, AUTH_USER_ID, AUTH_PERMISSIONS)
"""Keys of `configurable` that the gateway writes, and nobody else: a client would say who he is."""


class AuthUser(Mapping[str, Any]):
    """Its keys are attributes, too.

    An authenticator may put secrets into it, and LangGraph puts `configurable` into events: so it is no dictionary, and
    has the identity alone for its JSON.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = dict(fields)

    def __getitem__(self, key: str) -> Any:
        return self._fields[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"AuthUser({self.identity!r})"

    def __getattr__(self, name: str) -> Any:
        fields = self.__dict__.get("_fields", {})  # a copy that is being made has none yet
        if name not in fields:
            raise AttributeError(f"the user has no {name!r}")
        return fields[name]

    @property
    def identity(self) -> str:
        """The user's id."""
        return str(self["identity"])

    @property
    def is_authenticated(self) -> bool:
        """Nobody else is shown."""
        return bool(self.get("is_authenticated", True))

    @property
    def display_name(self) -> str:
        """The id, if there is no other."""
        return str(self.get("display_name") or self.identity)

    @property
    def permissions(self) -> Sequence[str]:
        """What the authenticator has granted."""
        return cast("Sequence[str]", self.get("permissions") or [])
