"""The gateway of `perdure serve` and `perdure dev`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from ipaddress import ip_address

from temporalio.client import Client

from ..contracts.errors import ConfigError
from ..facade.runs import RunsFacade
from ..gateway import Gateway
from ..runtime.client import LazyTemporal, open_facade
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
    """Host and port are those of the settings, unless they are given. Raises `ConfigError`, `UnavailableError`."""
    settings = session.settings.gateway
    found = next(one for one in (port, settings.port, _DEFAULT_PORT) if one is not None)
    gateway = Gateway(runs, host=_local(host or settings.host), port=found, origins=settings.cors_origins)
    async with gateway:
        text = f"API       {gateway.url} ({gateway.url}/docs)"
        session.output.result({"event": "gateway", "url": gateway.url}, text)
        yield gateway


def _local(host: str) -> str:
    """Nobody is asked who he is, so only this machine may call."""
    try:
        is_local = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        is_local = False
    if not is_local:
        raise ConfigError(
            f"gateway.host is {host!r}: the gateway checks nobody who calls, so it listens on this machine only "
            "(127.0.0.1); let a proxy that does check stand before it"
        )
    return host
