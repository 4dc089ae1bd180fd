"""`langgraph.json`: what Perdure takes from it, and what it only names.

The file follows LangGraph's own convention, so that one file serves both. Each key is honoured or told of in
`LangGraphJson.warning`; none is passed over in silence.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from copy import copy
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import BaseModel, Field, ValidationError

from .errors import GraphLoadError, nearest
from .langgraph_http import AuthConfig, Cors, HeaderPatterns, HttpConfig, Part

_HONOURED = ("graphs", "env", "dependencies", "store", "auth", "http")
_HARMLESS = ("$schema", "_comment", "python_version")
_OTHERS = {
    "ui": "no pages are served",
    "ui_config": "no pages are served",
    "webhooks": "the settings have webhooks of their own",
    "checkpointer": "the setting checkpointer says where threads are kept; nothing of them expires",
    "encryption": "the setting encryption says what is encrypted",
    "priority": "runs have no priorities",
    "disable_persistence": "runs are always kept",
    "pip_config_file": "nothing is installed",
    "pip_installer": "nothing is installed",
    "source": "nothing is installed",
    "keep_pkg_tools": "no image is built",
    "dockerfile_lines": "no image is built",
    "base_image": "no image is built",
    "image_distro": "no image is built",
    "internal_docker_tag": "no image is built",
    "api_version": "no image is built",
    "node_version": "graphs in JavaScript are not served",
}
"""LangGraph's other keys, and why each has no effect."""
_GRAPH = ("path", "description")


class StoreIndex(Part):
    """How the store finds items by their meaning."""

    dims: int = Field(ge=1)
    embed: Any
    """`./file.py:function`, or `provider:model` for LangChain's `init_embeddings`; or the thing itself."""
    fields: tuple[str, ...] | None = None
    """Paths of what is embedded; `None`: the whole item."""


Minutes = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class StoreTtl(Part):
    """When items of the store expire."""

    default_ttl: Minutes | None = None
    """Of an item that is put without one. `None`: it stays."""
    refresh_on_read: bool = True
    sweep_interval_minutes: Minutes = 5.0


class NodeStoreConfig(Part):
    """The key `store`."""

    index: StoreIndex | None = None
    ttl: StoreTtl = StoreTtl()


class _Content(Part):
    graphs: dict[str, Any] = Field(min_length=1)
    env: str | dict[str, str | int | float | bool | None] | None = None
    dependencies: tuple[str, ...] = ()
    store: NodeStoreConfig | None = None
    auth: AuthConfig | None = None
    http: HttpConfig | None = None


class LangGraphJson:
    """A file that was read. `path`: where it is; what is relative in it starts from there."""

    def __init__(self, path: Path, content: Mapping[str, Any]) -> None:
        """Raises `GraphLoadError`, naming the file, the key, and what is wrong with it."""
        self.path = path
        self._raw = content
        graphs = content.get("graphs")
        if not isinstance(graphs, dict) or not graphs:
            raise GraphLoadError(f'{path} has no "graphs": write {{"graphs": {{"name": "./file.py:attribute"}}}}')
        try:
            found = _Content.model_validate(content)
        except ValidationError as exc:
            told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in exc.errors())
            raise GraphLoadError(f"{path}: {told}") from exc
        self.env = found.env
        self.dependencies = found.dependencies
        self.store = found.store or NodeStoreConfig()
        self.auth = found.auth
        self.http = found.http or HttpConfig()
        self.graphs = found.graphs

    def with_graphs(self, graphs: Mapping[str, Any]) -> LangGraphJson:
        """The same with some of its graphs only."""
        part = copy(self)
        part.graphs = dict(graphs)
        return part

    @property
    def folder(self) -> Path:
        """Where relative paths start."""
        return self.path.parent.resolve()

    def locations(self) -> Iterator[tuple[str, str]]:
        """Name and `file:attribute` of each graph, in the order of the file. Raises `GraphLoadError`."""
        for name, spec in self.graphs.items():
            found: Any = cast("dict[str, Any]", spec).get("path") if isinstance(spec, dict) else spec
            if not isinstance(found, str) or ":" not in found:
                raise GraphLoadError(f"{self.path}: graph {name!r} must read ./file.py:attribute, not {found!r}")
            yield name, found

    @property
    def warning(self) -> str | None:
        """What of the file has no effect, and why, in one line; `None` when all of it has."""
        found = [*self._without_effect()]
        return f"{self.path}: without effect here: {'; '.join(found)}" if found else None

    def _without_effect(self) -> Iterator[str]:
        known = (*_HONOURED, *_HARMLESS, *_OTHERS)
        for key in self._raw:
            if key in _OTHERS:
                yield f"{key} ({_OTHERS[key]})"
            elif key not in known:
                yield f"{key} (an unknown key{nearest(key, known)})"
        yield from _beside("store", self._raw.get("store"), NodeStoreConfig)
        store = cast("dict[str, Any]", self._raw.get("store") or {})
        yield from _beside("store.index", store.get("index"), StoreIndex)
        yield from _beside("store.ttl", store.get("ttl"), StoreTtl)
        yield from _beside("auth", self._raw.get("auth"), AuthConfig)
        if self.auth is not None and not self.auth.disable_studio_auth:
            yield "auth.disable_studio_auth (nobody comes in as Studio)"
        http = cast("dict[str, Any]", self._raw.get("http") or {})
        yield from _beside("http", http, HttpConfig)
        yield from _beside("http.cors", http.get("cors"), Cors)
        yield from _beside("http.configurable_headers", http.get("configurable_headers"), HeaderPatterns)
        for name, spec in self.graphs.items():
            if isinstance(spec, dict):
                others = [key for key in cast("dict[str, Any]", spec) if key not in _GRAPH]
                yield from (f"graphs.{name}.{key} (an unknown key{nearest(key, _GRAPH)})" for key in others)
        yield from self._other_python()

    def _other_python(self) -> Iterator[str]:
        wanted, have = self._raw.get("python_version"), ".".join(map(str, sys.version_info[:2]))
        if wanted is not None and str(wanted) != have:
            yield f"python_version {wanted} (this is Python {have})"


def _beside(place: str, found: Any, model: type[BaseModel]) -> Iterator[str]:
    """The keys of a part that its model does not have."""
    known = list(model.model_fields)
    for key in cast("dict[str, Any]", found) if isinstance(found, dict) else ():
        if key not in known:
            yield f"{place}.{key} (not supported{nearest(key, known)})"


def read_langgraph_json(path: Path) -> LangGraphJson:
    """Read it; nothing is imported. Raises `GraphLoadError`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise GraphLoadError(f"{path} does not exist; it names your graphs (the setting `graphs`)") from None
    except (OSError, ValueError) as exc:
        raise GraphLoadError(f"{path} cannot be read as JSON: {exc}") from exc
    return LangGraphJson(path, cast("dict[str, Any]", content) if isinstance(content, dict) else {})
