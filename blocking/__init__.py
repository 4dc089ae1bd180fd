"""Work that blocks, on threads of its own: what the rooms that keep things share."""

from .sqlite_thread import BUSY_TIMEOUT, SqliteThread
from .sqlite_writer import SqliteWriter, transaction
from .uncut import uncut

__all__ = ["BUSY_TIMEOUT", "SqliteThread", "SqliteWriter", "transaction", "uncut"]
