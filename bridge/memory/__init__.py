"""A bridge in the memory of one process: for tests."""

from .bridge import MemoryBridge, MemoryStreams

__all__ = ["MemoryBridge", "MemoryStreams"]
