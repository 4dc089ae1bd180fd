"""The settings of the gateway: where it listens, whom it lets in, and how much of it one user may have."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from .settings_section import Duration, Section

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Of signatures with a public key only: what is signed with a shared secret, anyone could sign who can check it."""


class OidcSettings(Section):
    """Tokens of an OpenID provider, as `Authorization: Bearer …`. Needs `perdure[oidc]`."""

    issuer: str | None = None
    """The `iss` of its tokens; null lets no tokens in."""
    audience: tuple[str, ...] = ()
    """A token is for one of these (`aud`)."""
    jwks_url: str | None = None
    """Where its public keys are; null asks `{issuer}/.well-known/openid-configuration`."""
    user_claim: str = Field(default="sub", min_length=1)
    """The claim that is the user."""
    algorithms: tuple[Algorithm, ...] = Field(default=("RS256", "ES256", "EdDSA"), min_length=1)
    leeway: Duration = 30.0
    """By which clocks may differ."""

    @field_validator("audience", mode="before")
    @classmethod
    def _is_list(cls, audience: object) -> object:
        return (audience,) if isinstance(audience, str) else audience

    @field_validator("issuer", "jwks_url")
    @classmethod
    def _is_safe(cls, url: str | None) -> str | None:
        if url is not None and not _is_https(url):
            raise ValueError(f"{url!r} must begin with https:// (http:// only on this machine)")
        return url

    @model_validator(mode="after")
    def _fits_together(self) -> OidcSettings:
        if self.issuer is not None and not self.audience:
            raise ValueError("audience: say for whom tokens are, else those for other programs would be let in, too")
        if self.issuer is None and (self.audience or self.jwks_url):
            raise ValueError("issuer: say whose tokens are let in")
        return self


def _is_https(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(parts.hostname or ""))


def is_this_machine(host: str) -> bool:
    """Whether nobody else can reach it."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class GatewaySettings(Section):
    """LangGraph's API over HTTP, which `perdure serve` and `perdure dev` serve."""

    host: str = Field(default="127.0.0.1", min_length=1)
    """Another one than this machine only where it is asked who calls: `api_keys`, `oidc`, or `auth` of
    `langgraph.json`."""
    port: int | None = Field(default=2024, ge=0, le=65535)
    """0 is any that is free; null: `perdure dev` does without."""
    cors_origins: tuple[str, ...] = ("*",)
    """The pages that may call it. Over `http.cors` of `langgraph.json`."""
    mount_prefix: str | None = None
    """Before all paths, like `/agents`. Over `http.mount_prefix` of `langgraph.json`."""
    temporal_ui: str | None = None
    """Where Temporal's UI is, for links of the page; null is that of `perdure dev`, where it is in use."""
    api_keys: bool = False
    """Let in who has a key of `perdure api-keys`."""
    oidc: OidcSettings = OidcSettings()
    max_body: int = Field(default=32_000_000, ge=1)
    """Bytes of a request's body."""
    requests_per_second: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Of one user at one gateway, in the long run; null is no limit. Without users, of one address."""
    burst: int = Field(default=100, ge=1)
    """Requests at once that are within the limit all the same."""
    open_streams: int | None = Field(default=None, ge=1)
    """Streams, joins and waits of one user that are open at one gateway; null is no limit."""

    @field_validator("temporal_ui")
    @classmethod
    def _is_address(cls, url: str | None) -> str | None:
        if url is not None and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
            raise ValueError(f"{url!r} must begin with https:// or http://")
        return url

    @field_validator("mount_prefix")
    @classmethod
    def _begins_with_slash(cls, prefix: str | None) -> str | None:
        return None if prefix is None else checked_prefix(prefix)


def checked_prefix(prefix: str) -> str | None:
    """As it stands before a path; `None` for none. Raises `ValueError`."""
    if not re.fullmatch(r"(/[\w.~-]+)*/?", prefix):
        raise ValueError(f"{prefix!r} is no prefix of a path; write it like /agents")
    return prefix.rstrip("/") or None
