"""From a URL to LangGraph's store or cache."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from langgraph.cache.base import BaseCache
from langgraph.cache.memory import InMemoryCache

from ..blocking.postgres_errors import extra_needed
from ..contracts.back_ends import not_opened
from ..contracts.errors import ConfigError
from ..contracts.keyring import Keyring
from ..contracts.langgraph_json import NodeStoreConfig
from .node_store import NodeStore
from .sealed_store import SealedNodeStore
from .sqlite_cache import SqliteNodeCache
from .sqlite_store import SqliteNodeStore

_KNOWN = ("sqlite:///relative/path", "sqlite:////absolute/path", "memory://", "memory://name")

_stores: dict[str, SqliteNodeStore] = {}
_caches: dict[str, InMemoryCache[Any]] = {}
"""Those in memory, by name, for as long as the process, like a file."""


def open_node_store(url: str, config: NodeStoreConfig | None = None, *, keyring: Keyring | None = None) -> NodeStore:
    """The store at `sqlite:///path`, `memory://`, `memory://name` or `postgresql://…`, not yet opened.

    `config`: its index and lifetimes. Of a store in memory the first one counts. `keyring`: seals the values. Raises
    `ConfigError`.
    """
    config = config or NodeStoreConfig()
    if keyring is not None:
        if config.index is not None:
            raise ConfigError(
                "store.index of langgraph.json: its vectors tell what the texts are about, and cannot be encrypted: "
                "remove it, or encryption.key_id"
            )
        return SealedNodeStore(open_node_store(url, config), keyring)
    if url.startswith("postgresql://"):
        with extra_needed("langgraph_store.url"):
            from .postgres_store import PostgresNodeStore
        return PostgresNodeStore(url, config)
    place = _place("langgraph_store", url, (*_KNOWN, "postgresql://host/database"))
    if isinstance(place, Path):
        return SqliteNodeStore(place, config)
    return _stores.setdefault(place, SqliteNodeStore(None, config))


def open_node_cache(url: str, *, keyring: Keyring | None = None) -> BaseCache[Any]:
    """The cache at `sqlite:///path`, `memory://` or `memory://name`. `keyring`: seals a file. Raises `ConfigError`."""
    place = _place("langgraph_cache", url)
    if isinstance(place, Path):
        return SqliteNodeCache(place, keyring=keyring)
    return _caches.setdefault(place, InMemoryCache())


def _place(setting: str, url: str, known: tuple[str, ...] = _KNOWN) -> Path | str:
    """A file, or a name in memory."""
    scheme, _, rest = url.partition("://")
    path = rest.removeprefix("/")
    if scheme == "sqlite" and path not in (rest, "", ":memory:"):
        return Path(path)
    if scheme == "memory" and re.fullmatch(r"[\w.-]*", rest):
        return rest
    raise not_opened(f"{setting}.url", url, known, None)
