"""From a URL to a bridge."""

from __future__ import annotations

import re
from pathlib import Path

from ..blocking.postgres_errors import extra_needed
from ..contracts.back_ends import BRIDGES, not_opened, open_installed
from ..contracts.errors import ConfigError
from ..contracts.urls import redacted
from .contract import Bridge
from .memory.bridge import MemoryBridge, MemoryStreams
from .sqlite.bridge import SqliteBridge

_KNOWN = (
    "sqlite:///relative/path",
    "sqlite:////absolute/path",
    "memory://",
    "memory://name",
    "redis://host",
    "rediss://host",
    "redis+sentinel://host/master",
    "rediss+sentinel://host/master",
    "postgresql://user@host/database",
)
_REDIS = ("redis", "rediss", "redis+sentinel", "rediss+sentinel")

_memories: dict[str, MemoryStreams] = {}
"""For as long as the process, like a file: a program may close its last bridge and open another one."""


def open_bridge(url: str, *, listen_url: str | None = None) -> Bridge:
    """The bridge, not started yet, at `sqlite:///path`, `memory://`, `memory://name`, `redis://…` or `postgresql://…`.

    `listen_url`: the Postgres behind the pgbouncer at `url`. Raises `ConfigError`. Another scheme is that of an
    installed distribution (`contracts/back_ends.py`).

    Bridges in memory share the streams of their name within the process, and these live as long as it does.
    """
    scheme, separator, rest = url.partition("://")
    if separator and scheme == "memory":
        return MemoryBridge(_memory(url, rest))
    if separator and scheme == "sqlite":
        return SqliteBridge(_sqlite_path(url, rest))
    if separator and scheme in _REDIS:
        return _redis(url)
    if separator and scheme == "postgresql":
        return _postgres(url, listen_url)
    if (bridge := open_installed(BRIDGES, url, "bridge.url", Bridge)) is not None:
        return bridge
    raise not_opened("bridge.url", url, _KNOWN, BRIDGES)


def _redis(url: str) -> Bridge:
    try:
        from .redis import RedisBridge
    except ModuleNotFoundError as exc:
        raise ConfigError(
            f'bridge.url: {redacted(url)!r} needs redis-py ({exc}): pip install "perdure[redis]"'
        ) from exc
    return RedisBridge(url)


def _postgres(url: str, listen_url: str | None) -> Bridge:
    with extra_needed("bridge.url"):
        from .postgres import PostgresBridge
    return PostgresBridge(url, listen_url=listen_url)


def _memory(url: str, name: str) -> MemoryStreams:
    if not re.fullmatch(r"[\w.-]*", name):
        raise ConfigError(f"bridge.url: {name!r} in {url!r} is no name (letters, digits, `_`, `.` and `-`)")
    return _memories.setdefault(name, MemoryStreams())


def _sqlite_path(url: str, rest: str) -> Path:
    path = rest.removeprefix("/")
    if path == rest or not path or path.endswith("/"):
        raise ConfigError(f"bridge.url: {url!r} names no file; allowed: {', '.join(_KNOWN)}")
    if path == ":memory:":
        raise ConfigError(f"bridge.url: {url!r} cannot be shared by two connections; use memory://")
    if "?" in path:
        raise ConfigError(f"bridge.url: {url!r} has options after the `?`, and there are none")
    return Path(path)
