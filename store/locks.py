"""What a transaction holds on to where others may write at the same time.

SQLite has one writer, whose lock the transaction has from its beginning. In Postgres each takes what its decisions rest
on, always in this order: the run's row, then its thread. A lock and the statement that reads what it protects are two
statements: the second one sees what others have committed while the first one waited.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Connection, bindparam, cast, func, select

from .rows import OF_RUN
from .schema import runs

_MIGRATIONS = 0x70657264
"""A key beside those of threads, which are hashes of their ids."""
_RUN = select(runs.c.position).where(OF_RUN).with_for_update()
_THREAD = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("of_thread"), cast(0, BigInteger))))
_USER = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("of_user"), cast(1, BigInteger))))
"""A hash with another seed: no thread's."""
_ALL = select(func.pg_advisory_xact_lock(cast(_MIGRATIONS, BigInteger)))


def lock_run(connection: Connection, run_id: str) -> None:
    """Until the transaction ends nobody else moves the run, if there is one."""
    if _many_write(connection):
        connection.execute(_RUN, {"of_run": run_id})


def lock_thread(connection: Connection, thread_id: str) -> None:
    """Until the transaction ends no other run of the thread moves, or writes events."""
    if _many_write(connection):
        connection.execute(_THREAD, {"of_thread": thread_id})


def lock_user(connection: Connection, user_id: str) -> None:
    """Until the transaction ends no other run of the user is created. Behind the run's row, before its thread."""
    if _many_write(connection):
        connection.execute(_USER, {"of_user": user_id})


def lock_migrations(connection: Connection) -> None:
    """Until the transaction ends nobody else changes tables."""
    if _many_write(connection):
        connection.execute(_ALL)


def _many_write(connection: Connection) -> bool:
    return connection.dialect.name != "sqlite"
