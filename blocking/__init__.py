"""What the rooms that keep things share: work that blocks, on threads of its own unless it is quick, and calls to
Postgres.

What needs psycopg is imported by its module: it is there only where it was asked for.
"""

from .haste import QUICK, FirstOfTurn, Haste, NotNow
from .private_files import private_database, private_folder, restrict, restrict_database, restrict_home
from .sqlite_thread import BUSY_TIMEOUT, SqliteThread, is_busy
from .sqlite_writer import SqliteWriter, transaction
from .uncut import uncut

__all__ = [
    "BUSY_TIMEOUT",
    "QUICK",
    "FirstOfTurn",
    "Haste",
    "NotNow",
    "SqliteThread",
    "SqliteWriter",
    "is_busy",
    "private_database",
    "private_folder",
    "restrict",
    "restrict_database",
    "restrict_home",
    "transaction",
    "uncut",
]
