"""What nodes remember beyond a run: LangGraph's store and cache, by URL."""

from .node_memory import NodeMemory
from .node_store import NodeStore
from .open import open_node_cache, open_node_store
from .sqlite_store import SqliteNodeStore

__all__ = ["NodeMemory", "NodeStore", "SqliteNodeStore", "open_node_cache", "open_node_store"]
