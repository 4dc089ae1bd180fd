"""A bridge in an SQLite file, for the processes of one machine."""

from .bridge import SqliteBridge

__all__ = ["SqliteBridge"]
