"""One SQLite connection on one thread of its own."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from ..contracts.errors import UnavailableError

BUSY_TIMEOUT = 5.0
"""Seconds that a call waits, in all, for its turn and for another process's transaction."""

T = TypeVar("T")
Connect = Callable[[Path], sqlite3.Connection]


def deadline() -> float:
    """Until when (`time.monotonic`) a call of now may wait for its turn and for another process's transaction."""
    return time.monotonic() + BUSY_TIMEOUT


class SqliteThread:
    """Calls happen one after another, in their order, each for one hop between threads.

    `keeper`: whose file it is, for threads and errors.

    A call that was cancelled before its turn does not happen; one that has begun happens wholly.
    """

    def __init__(self, path: Path, connect: Connect, *, keeper: str) -> None:
        self._path = path
        self._connect = connect
        self._keeper = keeper
        self._connection: sqlite3.Connection | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"perdure-{keeper}")

    async def run(self, work: Callable[[sqlite3.Connection], T], *, until: float | None = None) -> T:
        """`work` with the connection. Raises `UnavailableError` when SQLite fails; later calls begin afresh.

        `until`: the `deadline` of a call that has waited before.
        """
        call = self._executor.submit(self._call, work, deadline() if until is None else until)
        return await asyncio.wrap_future(call)

    def close(self) -> Future[None]:
        """Refuse new calls; done when those that are under way are, and the connection is closed."""
        disconnected = self._executor.submit(self._disconnect)
        self._executor.shutdown(wait=False)
        return disconnected

    def _call(self, work: Callable[[sqlite3.Connection], T], until: float) -> T:
        try:
            if self._connection is None:
                self._connection = self._connect(self._path)
            # Time in the queue counts: while the file is locked, a hundred calls fail together, not in turn.
            left = max(0, round(1000 * (until - time.monotonic())))
            self._connection.execute(f"PRAGMA busy_timeout={left}")
            return work(self._connection)
        except (sqlite3.Error, OSError) as exc:
            self._disconnect()  # a connection that has failed is not trusted again; it also ends its transaction
            raise UnavailableError(f"the {self._keeper} in {self._path} cannot be used now: {exc}") from exc

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
