"""From settings to the store and the cache that graphs are given."""

from __future__ import annotations

from ..activities import node_store_config
from ..contracts.langgraph_json import LangGraphJson, read_langgraph_json
from ..contracts.settings import Settings
from ..memory import NodeMemory, NodeStore, open_node_cache, open_node_store
from .keys import open_keyring


def open_node_memory(settings: Settings, project: LangGraphJson | None) -> NodeMemory:
    """Not yet started. `project`: the file that the settings name, if it is there.

    Raises `ConfigError` and `GraphLoadError`.
    """
    keyring = open_keyring(settings.encryption)
    return NodeMemory(_store(settings, project), open_node_cache(settings.langgraph_cache_url, keyring=keyring))


def settings_store(settings: Settings) -> NodeStore:
    """LangGraph's store, as the workers of these settings give it to graphs. Raises as `open_node_memory`."""
    return _store(settings, read_langgraph_json(settings.graphs) if settings.graphs.exists() else None)


def _store(settings: Settings, project: LangGraphJson | None) -> NodeStore:
    keyring = open_keyring(settings.encryption)
    return open_node_store(settings.langgraph_store_url, node_store_config(project), keyring=keyring)
