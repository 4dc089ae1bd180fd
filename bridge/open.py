"""From a URL to a bridge."""

from __future__ import annotations

from pathlib import Path

from ..contracts.errors import ConfigError, nearest
from .contract import Bridge
from .memory import MemoryBridge
from .sqlite import SqliteBridge

_ALLOWED = "sqlite:///relative/path, sqlite:////absolute/path or memory://"


def open_bridge(url: str) -> Bridge:
    """The bridge at `sqlite:///path` or `memory://`, not yet started. Raises `ConfigError`.

    Each `memory://` is a bridge of its own.
    """
    scheme, separator, rest = url.partition("://")
    if separator and scheme == "memory" and not rest:
        return MemoryBridge()
    if separator and scheme == "sqlite":
        return SqliteBridge(_sqlite_path(url, rest))
    raise ConfigError(f"bridge.url: {url!r} is no bridge{nearest(scheme, ('sqlite', 'memory'))}; allowed: {_ALLOWED}")


def _sqlite_path(url: str, rest: str) -> Path:
    path = rest.removeprefix("/")
    if path == rest or not path or path.endswith("/"):
        raise ConfigError(f"bridge.url: {url!r} names no file; allowed: {_ALLOWED}")
    if path == ":memory:":
        raise ConfigError(f"bridge.url: {url!r} cannot be shared by two connections; use memory://")
    if "?" in path:
        raise ConfigError(f"bridge.url: {url!r} has options after the `?`, and there are none")
    return Path(path)
