"""The gateway of `perdure serve` and `perdure dev`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from temporalio.client import Client

from ..contracts.errors import ConfigError
from ..contracts.gateway_settings import is_this_machine
from ..contracts.settings import Settings
from ..facade.runs import RunsFacade
from ..gateway import Gateway, Serving
from ..runtime.client import LazyTemporal, open_facade
from ..runtime.gateway_project import GatewayProject
from ..runtime.temporal_ui import workflows_url
from .session import Session

_DEFAULT_PORT = 2024


@asynccontextmanager
async def beside(session: Session, client: Client, port: int | None) -> AsyncGenerator[None]:
    """Within a process that has a worker. `port`: instead of the setting, which may be null."""
    if port is None and session.settings.gateway.port is None:
        yield
        return
    temporal = LazyTemporal(session.settings, client)
    async with open_facade(session.settings, temporal) as runs, listening(session, runs, None, port):
        yield


@asynccontextmanager
async def listening(session: Session, runs: RunsFacade, host: str | None, port: int | None) -> AsyncGenerator[Gateway]:
    """Host and port are those of the settings, unless they are given.

    Raises `ConfigError`, `GraphLoadError`, `UnavailableError`.
    """
    settings = session.settings.gateway
    found = next(one for one in (port, settings.port, _DEFAULT_PORT) if one is not None)
    serving = _serving(session.settings)
    gateway = Gateway(runs, host=_allowed(host or settings.host, serving), port=found, serving=serving)
    async with gateway:
        page = f"{gateway.url}{serving.mount_prefix or ''}/"
        shown = "" if serving.http.disable_ui else f"\npage      {page}"
        text = f"API       {gateway.url} ({gateway.url}/docs){shown}"
        session.output.result({"event": "gateway", "url": gateway.url, "asks": serving.asks}, text)
        yield gateway


def _serving(settings: Settings) -> Serving:
    project = GatewayProject(settings)
    temporal_ui = workflows_url(settings)
    return Serving(
        settings=settings.gateway, http=project.http, auth=project.auth, app=project.app, temporal_ui=temporal_ui
    )


def _allowed(host: str, serving: Serving) -> str:
    """Where nobody is asked who he is, only this machine may call."""
    if not is_this_machine(host) and not serving.asks:
        raise ConfigError(
            f"gateway.host is {host!r}, and the gateway would let in anybody who calls. Let it ask who that is: set "
            "gateway.api_keys to true and make keys (`perdure api-keys create USER`), or set gateway.oidc, or auth in "
            "langgraph.json; or let it listen on this machine only (127.0.0.1), behind a proxy that asks"
        )
    return host
