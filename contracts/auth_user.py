"""Who has called, as handlers of `Auth` and nodes are shown him: LangGraph's `BaseUser`, and a dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

AUTH_USER = "langgraph_auth_user"
AUTH_USER_ID = "langgraph_auth_user_id"
AUTH_PERMISSIONS = "langgraph_auth_permissions"
AUTH_KEYS = (AUTH_USER, AUTH_USER_ID, AUTH_PERMISSIONS)
"""Keys of `configurable` that the gateway writes, and nobody else: a client would say who he is."""


class AuthUser(dict[str, Any]):
    """Its keys are attributes, too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the user has no {name!r}") from None

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
