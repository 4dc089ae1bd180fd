"""One SQLite connection on one thread of its own.

What is quick need not go there: a small write takes 16 µs, and 110 by way of another thread. It is done on the event
loop where nothing has to be waited for: no other call is under way, the file is not locked, and the disk is not slow.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from ..contracts.errors import UnavailableError
from .haste import Haste, NotNow

BUSY_TIMEOUT = 5.0
"""Seconds that a call waits, in all, for its turn and for another process's transaction."""
_LOG_PAGES = 1000
"""Of the log before it is cleared: SQLite's own default."""

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
        """`connect`: for `at_once` with `check_same_thread=False`."""
        self._path = path
        self._connect = connect
        self._keeper = keeper
        self._connection: sqlite3.Connection | None = None
        self._is_here = False
        """Its connection was told last that it is used on the event loop."""
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"perdure-{keeper}")
        self._lock = threading.Lock()
        self._under_way = 0
        self._haste = Haste()

    async def run(self, work: Callable[[sqlite3.Connection], T], *, until: float | None = None) -> T:
        """`work` with the connection. Raises `UnavailableError` when SQLite fails; later calls begin afresh.

        `until`: the `deadline` of a call that has waited before.
        """
        return await asyncio.wrap_future(self._submit(self._call, work, deadline() if until is None else until))

    def at_once(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """`work`, which is quick, on the thread of the caller: the one that calls `run`. Raises `NotNow`, or as `run`.

        Its first statement may find the file locked; what it does before that, it does twice.
        """
        connection = self._connection
        if self._under_way or connection is None:
            self._haste.elsewhere()
            raise NotNow
        try:
            with self._haste.turn():
                if not self._is_here:
                    connection.execute("PRAGMA busy_timeout=0")
                    connection.execute("PRAGMA wal_autocheckpoint=0")
                    self._is_here = True
                return work(connection)
        except (sqlite3.Error, OSError) as exc:
            if is_busy(exc) and not connection.in_transaction:
                raise NotNow from None
            raise self._failed(exc) from exc

    def close(self) -> Future[None]:
        """Refuse new calls; done when those that are under way are, and the connection is closed."""
        disconnected = self._submit(self._disconnect)
        self._executor.shutdown(wait=False)
        return disconnected

    def _submit(self, call: Callable[..., T], *arguments: Any) -> Future[T]:
        submitted = self._executor.submit(call, *arguments)
        with self._lock:
            self._under_way += 1
        submitted.add_done_callback(self._done)  # also where it was cancelled before its turn
        return submitted

    def _done(self, _: object) -> None:
        with self._lock:
            self._under_way -= 1

    def _call(self, work: Callable[[sqlite3.Connection], T], until: float) -> T:
        try:
            if self._connection is None:
                self._connection, self._is_here = self._connect(self._path), False
            # Time in the queue counts: while the file is locked, a hundred calls fail together, not in turn.
            left = max(0, round(1000 * (until - time.monotonic())))
            self._connection.execute(f"PRAGMA busy_timeout={left}")
            if self._is_here:
                self._connection.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
                self._is_here = False
            return work(self._connection)
        except (sqlite3.Error, OSError) as exc:
            raise self._failed(exc) from exc

    def _failed(self, why: sqlite3.Error | OSError) -> UnavailableError:
        self._disconnect()  # a connection that has failed is not trusted again; it also ends its transaction
        return UnavailableError(f"the {self._keeper} in {self._path} cannot be used now: {why}")

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def is_busy(error: BaseException | None) -> bool:
    """Whether somebody else holds the lock, whatever for."""
    code: int = getattr(error, "sqlite_errorcode", 0)  # only what SQLite itself has raised has one
    return isinstance(error, sqlite3.OperationalError) and code & 0xFF == sqlite3.SQLITE_BUSY
