"""Calls to Postgres that are repeated where that is safe: after a deadlock, a failover or a restart of the server."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from psycopg import AsyncConnection, DataError, Error, IntegrityError, NotSupportedError, ProgrammingError
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from ..contracts.retry import Retry, retried
from .postgres_address import BEGIN, CONNECTING, PostgresAddress
from .postgres_errors import is_forbidden, is_retryable, sqlstate_of

T = TypeVar("T")
Pool = AsyncConnectionPool[AsyncConnection[DictRow]]

_OURS = (DataError, IntegrityError, NotSupportedError, ProgrammingError)
_GONE = ("57P01", "57P02", "57P03", "25P03", "25006")
"""The server stops, or starts, or has ended a transaction in which this process said nothing for too long, or is a
standby, which takes no writes."""
_PAUSE = 0.05
_PATIENCE = 10.0
"""Seconds in which a call is begun again."""
_QUEUE = 60.0
"""Seconds that a call waits for a connection. Hundreds of runs share a few, and a queue is no outage."""


def make_pool(address: PostgresAddress, *, size: int) -> Pool:
    """Not yet opened. It opens connections as they are needed."""
    kwargs = {**CONNECTING, "row_factory": dict_row}
    return AsyncConnectionPool(
        address.conninfo, kwargs=kwargs, min_size=1, max_size=size, timeout=_QUEUE, open=False, name=address.setting
    )


def is_outage(error: BaseException) -> bool:
    """Whether an error is the database's, and not a mistake or a value of the caller's."""
    return isinstance(error, Error | OSError) and (not isinstance(error, _OURS) or is_forbidden(error))


def _was_cut(error: Error) -> bool:
    """Whether it may have happened or not: the connection was lost."""
    code = sqlstate_of(error) or ""
    lost = not code or code.startswith("08") or code in _GONE
    return lost and is_outage(error) and not isinstance(error, PoolClosed | PoolTimeout)


async def repeated(
    address: PostgresAddress, what: str, call: Callable[[], Awaitable[T]], *, patience: float | None = None
) -> T:
    """A call that may be done twice. Raises `UnavailableError`, or what is no outage as it is.

    `patience`: seconds in which it is begun again, instead of `_PATIENCE`.
    """
    until = time.monotonic() + (_PATIENCE if patience is None else patience)
    try:
        return await retried(call, Retry(when=may_pass, until=until, pause=_PAUSE))
    except (Error, OSError) as exc:
        if not is_outage(exc):
            raise
        raise address.unavailable(what, exc) from exc


def may_pass(error: Exception) -> bool:
    """Whether the same call may succeed soon, over another connection."""
    return isinstance(error, Error) and (is_retryable(error) or _was_cut(error))


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncGenerator[AsyncConnection[DictRow]]:
    """All of the block or nothing of it. Postgres ends it when this process is frozen inside."""
    async with pool.connection() as connection:
        await connection.execute(BEGIN)
        try:
            yield connection
            await connection.commit()
        except BaseException:
            await connection.rollback()
            raise
