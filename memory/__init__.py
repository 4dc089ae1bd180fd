"""What nodes remember beyond a run: LangGraph's store and cache, by URL."""

from .node_memory import NodeMemory
from .open import open_node_cache, open_node_store
from .sqlite_store import SqliteNodeStore

__all__ = ["NodeMemory", "SqliteNodeStore", "open_node_cache", "open_node_store"]
