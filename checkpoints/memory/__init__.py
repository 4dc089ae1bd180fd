"""Checkpoints in the memory of one process: for tests."""

from .checkpoints import MemoryCheckpoints

__all__ = ["MemoryCheckpoints"]
