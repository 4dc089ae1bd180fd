"""Work that blocks, on threads of its own: what the rooms that keep things share."""

from .private_files import private_database, private_folder, restrict, restrict_database, restrict_home
from .sqlite_thread import BUSY_TIMEOUT, SqliteThread
from .sqlite_writer import SqliteWriter, transaction
from .uncut import uncut

__all__ = [
    "BUSY_TIMEOUT",
    "SqliteThread",
    "SqliteWriter",
    "private_database",
    "private_folder",
    "restrict",
    "restrict_database",
    "restrict_home",
    "transaction",
    "uncut",
]
