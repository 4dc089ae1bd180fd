"""Checkpoints in an SQLite file, for the processes of one machine."""

from .checkpoints import SqliteCheckpoints

__all__ = ["SqliteCheckpoints"]
