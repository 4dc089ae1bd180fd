"""From settings to the store and the cache that graphs are given."""

from __future__ import annotations

from ..activities import node_store_config
from ..contracts.settings import Settings
from ..memory import NodeMemory, NodeStore, open_node_cache, open_node_store


def open_node_memory(settings: Settings) -> NodeMemory:
    """Not yet started. Raises `ConfigError` and `GraphLoadError`."""
    return NodeMemory(settings_store(settings), open_node_cache(settings.langgraph_cache_url))


def settings_store(settings: Settings) -> NodeStore:
    """LangGraph's store, as the workers of these settings give it to graphs. Raises as `open_node_memory`."""
    return open_node_store(settings.langgraph_store_url, node_store_config(settings.graphs))
