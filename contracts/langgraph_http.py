"""The keys `auth` and `http` of `langgraph.json`: how the gateway serves."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from .gateway_settings import checked_prefix


class Part(BaseModel):
    """A part of the file, of which keys that it does not have are told of elsewhere."""

    model_config = ConfigDict(extra="ignore", frozen=True, arbitrary_types_allowed=True)


class AuthConfig(Part):
    """The key `auth`."""

    path: str
    """`./file.py:attribute`, a `langgraph_sdk.Auth`."""
    disable_studio_auth: bool = True
    """Nobody comes in as Studio, whatever is said here."""


class Cors(Part):
    """The key `http.cors`: which pages may call."""

    allow_origins: tuple[str, ...] = ()
    allow_origin_regex: str | None = None
    allow_methods: tuple[str, ...] = ("*",)
    allow_headers: tuple[str, ...] = ("*",)
    allow_credentials: bool = False
    expose_headers: tuple[str, ...] = ()
    """Beside those that clients need."""
    max_age: int = Field(default=600, ge=0)


class HeaderPatterns(Part):
    """The key `http.configurable_headers`: which headers of a request nodes find in `configurable`."""

    includes: tuple[str, ...] | None = None
    include: tuple[str, ...] | None = None
    excludes: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None

    @property
    def included(self) -> tuple[str, ...]:
        """Names, in which `*` stands for anything."""
        return self.includes or self.include or ()

    @property
    def excluded(self) -> tuple[str, ...]:
        """Likewise, of what is left out after all."""
        return self.excludes or self.exclude or ()


class HttpConfig(Part):
    """The key `http`."""

    app: str | None = None
    """`./file.py:attribute`, an ASGI application with routes of one's own."""
    enable_custom_route_auth: bool = False
    """Also its routes are for those only who are let in."""
    cors: Cors | None = None
    mount_prefix: Annotated[str, AfterValidator(checked_prefix)] | None = None
    configurable_headers: HeaderPatterns = HeaderPatterns()
    disable_assistants: bool = False
    disable_threads: bool = False
    disable_runs: bool = False
    disable_store: bool = False
    disable_meta: bool = False
    disable_ui: bool = False
    """The page for people, and what it asks for."""
