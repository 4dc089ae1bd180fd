"""The key `store` of a `langgraph.json`, with the function that it names for embedding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langgraph.store.base import ensure_embeddings

from ...contracts.errors import GraphLoadError
from ...contracts.langgraph_json import LangGraphJson, NodeStoreConfig
from ...contracts.serialization.text import message_of
from .graph_registry import import_attribute
from .project import prepare_process


def node_store_config(config: LangGraphJson | None) -> NodeStoreConfig:
    """Raises `GraphLoadError`. Without a file (a program may give its graphs itself) there is nothing to configure."""
    if config is None:
        return NodeStoreConfig()
    index = config.store.index
    if index is None or not isinstance(index.embed, str):
        return config.store
    prepare_process(config)
    embed = _embedding(index.embed, config.path)
    return config.store.model_copy(update={"index": index.model_copy(update={"embed": embed})})


def _embedding(spec: str, path: Path) -> Any:
    if ".py:" in spec:
        found = import_attribute("store.index.embed", spec, path)
        if not callable(found) and not hasattr(found, "embed_documents"):
            raise GraphLoadError(f"{path}: store.index.embed: {spec} is neither a function nor LangChain's Embeddings")
        return found
    try:
        return ensure_embeddings(spec)
    except Exception as exc:
        raise GraphLoadError(f"{path}: store.index.embed: {spec!r} cannot be loaded: {message_of(exc)}") from exc
