"""Group commit: the writes that wait for the connection together are one transaction, and one hop between threads."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from .haste import FirstOfTurn, NotNow
from .sqlite_thread import Connect, SqliteThread, deadline

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
Together = Callable[[sqlite3.Connection, Sequence[Work[Any]]], list[Any]]
"""Does several works, in their order, and returns what each would."""


@contextmanager
def transaction(connection: sqlite3.Connection) -> Generator[None]:
    """All of the block or nothing of it. Within another transaction it is a part of that."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@dataclass(frozen=True, slots=True)
class _Write:
    work: Work[Any]
    deadline: float
    result: asyncio.Future[Any]


def _one_by_one(connection: sqlite3.Connection, works: Sequence[Work[Any]]) -> list[Any]:
    return [work(connection) for work in works]


class SqliteWriter:
    """Writes happen in the order of their calls. One that fails takes nothing from those it waited with.

    A call that was cancelled before its turn does not happen; one that has begun happens wholly.
    """

    def __init__(self, path: Path, connect: Connect, *, keeper: str, together: Together = _one_by_one) -> None:
        self._together = together
        self._thread = SqliteThread(path, connect, keeper=keeper)
        self._waiting: list[_Write] = []
        self._writing: asyncio.Task[None] | None = None
        self._is_first = FirstOfTurn()
        """More quick writes in a turn of the event loop are done together."""

    async def run(self, work: Work[T], *, quick: bool = False) -> T:
        """`work`, whose own `transaction` becomes a part of that of the writes it has waited with, if there were any.

        `quick`: it takes no longer than a hop between threads would, and its transaction is its first statement.
        Raises what it raises, or `UnavailableError` when SQLite fails.
        """
        if quick and self._is_idle and self._is_first():
            with suppress(NotNow):
                return self._thread.at_once(work)
        write = _Write(work, deadline(), asyncio.get_running_loop().create_future())
        self._waiting.append(write)
        if self._is_idle:
            self._writing = asyncio.create_task(self._write_all())
        return await write.result

    @property
    def _is_idle(self) -> bool:
        """Nobody writes what waits, so nothing did before the call at hand."""
        return self._writing is None or self._writing.done()

    async def close(self) -> None:
        """Comes back when the writes that wait are done, and the connection is closed."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
        await asyncio.wrap_future(self._thread.close())

    async def _write_all(self) -> None:
        group: list[_Write] = []
        try:
            while self._waiting:
                group, self._waiting = [write for write in self._waiting if not write.result.done()], []
                if len(group) < 2 or not await self._write_together(group):
                    for write in group:
                        await self._write_alone(write)
        except BaseException:  # the event loop ends, or nobody knows what has: nobody may wait for ever
            for write in (*group, *self._waiting):
                write.result.cancel()
            self._waiting.clear()
            raise

    async def _write_together(self, group: Sequence[_Write]) -> bool:
        """Whether all of them succeeded; else nothing has happened."""
        works = [write.work for write in group]

        def in_one(connection: sqlite3.Connection) -> list[Any]:
            with transaction(connection):
                return self._together(connection, works)

        try:
            results = await self._thread.run(in_one, until=min(write.deadline for write in group))
        except asyncio.CancelledError:
            raise
        except BaseException:  # noqa: BLE001 - each finds out for itself, alone
            return False
        for write, result in zip(group, results, strict=True):
            if not write.result.done():
                write.result.set_result(result)
        return True

    async def _write_alone(self, write: _Write) -> None:
        if write.result.done():
            return
        try:
            result = await self._thread.run(write.work, until=write.deadline)
        except asyncio.CancelledError:
            raise
        except BaseException as exc:  # noqa: BLE001 - it is the caller's
            if not write.result.done():
                write.result.set_exception(exc)
        else:
            if not write.result.done():
                write.result.set_result(result)
