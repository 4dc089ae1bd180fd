"""How a gateway serves: whom it lets in, and what its settings and `langgraph.json` say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from ..contracts.actor import ActorContext
from ..contracts.errors import ConfigError
from ..contracts.gateway_settings import GatewaySettings
from ..contracts.langgraph_http import Cors, HttpConfig
from ..facade.runs import RunsFacade
from .callers import Caller, Identify, user_named
from .key_callers import KeyCallers

if TYPE_CHECKING:
    from langgraph_sdk import Auth

    from .authorization import Authorization

Authenticate = Callable[[Mapping[str, str]], Awaitable[ActorContext | None]]
"""From the headers of a request (their names in lower case) to who calls; `None`: nobody who may."""


@dataclass(frozen=True)
class Serving:
    """What one gateway is told."""

    settings: GatewaySettings = field(default_factory=GatewaySettings)
    http: HttpConfig = field(default_factory=HttpConfig)
    """The key `http` of `langgraph.json`. What the settings say themselves comes before it."""
    auth: Auth | None = None
    """LangGraph's: whom it lets in, and what its handlers let them do."""
    authenticate: Authenticate | None = None
    """A program's own."""
    app: ASGIApp | None = None
    """Routes of the user's own."""
    temporal_ui: str | None = None
    """Where Temporal's UI shows a workflow whose id is appended: the page links there."""

    @property
    def asks(self) -> bool:
        """Whether anybody is asked who he is."""
        return bool(self.auth or self.authenticate or self.settings.api_keys or self.settings.oidc.issuer)

    @property
    def cors(self) -> Cors:
        """Which pages may call."""
        said = self.http.cors
        if said is None or "cors_origins" in self.settings.model_fields_set:
            return Cors(allow_origins=self.settings.cors_origins)
        return said

    @property
    def mount_prefix(self) -> str | None:
        """What stands before all paths."""
        return self.settings.mount_prefix or self.http.mount_prefix

    def authorization(self) -> Authorization | None:
        """What those who are let in may do; `None`: what is theirs."""
        if self.auth is None:
            return None
        from .authorization import Authorization

        return Authorization(self.auth)

    def identifiers(self, runs: RunsFacade) -> list[Identify]:
        """Who knows callers, in the order in which they are asked. Raises `ConfigError`."""
        found: list[Identify] = []
        if self.settings.api_keys:
            found.append(KeyCallers(runs.api_keys))
        if self.settings.oidc.issuer is not None:
            found.append(_token_callers(self.settings))
        if self.authenticate is not None:
            found.append(_by_headers(self.authenticate))
        if self.auth is not None:
            from .auth_callers import AuthCallers  # with langgraph_sdk, which only this needs

            found.append(AuthCallers(self.auth))
        return found


def _token_callers(settings: GatewaySettings) -> Identify:
    try:
        from .token_callers import TokenCallers
    except ImportError as exc:
        raise ConfigError("gateway.oidc needs PyJWT: install perdure[oidc]") from exc
    return TokenCallers(settings.oidc)


def _by_headers(authenticate: Authenticate) -> Identify:
    async def identify(connection: HTTPConnection) -> Caller | None:
        actor = await authenticate(dict(connection.headers))
        return None if actor is None else Caller(actor, user_named(actor.user_id))

    return identify
