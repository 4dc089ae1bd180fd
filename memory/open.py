"""From a URL to LangGraph's store or cache."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from langgraph.cache.base import BaseCache
from langgraph.cache.memory import InMemoryCache

from ..contracts.back_ends import not_opened
from ..contracts.langgraph_json import NodeStoreConfig
from .sqlite_cache import SqliteNodeCache
from .sqlite_store import SqliteNodeStore

_KNOWN = ("sqlite:///relative/path", "sqlite:////absolute/path", "memory://", "memory://name")

_stores: dict[str, SqliteNodeStore] = {}
_caches: dict[str, InMemoryCache[Any]] = {}
"""Those in memory, by name, for as long as the process, like a file."""


def open_node_store(url: str, config: NodeStoreConfig | None = None) -> SqliteNodeStore:
    """The store at `sqlite:///path`, `memory://` or `memory://name`, not yet opened. Raises `ConfigError`.

    `config`: its index and lifetimes. Of a store in memory the first one counts.
    """
    place, config = _place("langgraph_store", url), config or NodeStoreConfig()
    if isinstance(place, Path):
        return SqliteNodeStore(place, config)
    return _stores.setdefault(place, SqliteNodeStore(None, config))


def open_node_cache(url: str) -> BaseCache[Any]:
    """The cache at `sqlite:///path`, `memory://` or `memory://name`. Raises `ConfigError`."""
    place = _place("langgraph_cache", url)
    if isinstance(place, Path):
        return SqliteNodeCache(place)
    return _caches.setdefault(place, InMemoryCache())


def _place(setting: str, url: str) -> Path | str:
    """A file, or a name in memory."""
    scheme, _, rest = url.partition("://")
    path = rest.removeprefix("/")
    if scheme == "sqlite" and path not in (rest, "", ":memory:"):
        return Path(path)
    if scheme == "memory" and re.fullmatch(r"[\w.-]*", rest):
        return rest
    raise not_opened(f"{setting}.url", url, _KNOWN, None)
