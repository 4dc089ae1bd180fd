"""Connections and transactions, and the one place where errors of the database become ours.

Statements that each run executes are made once, at the top of their modules: to make one costs SQLAlchemy more than to
execute it. (Measured: with statements made anew, the end of a run took 3.5 ms, and takes 1.2.)
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TypeVar

from sqlalchemy import Connection, Engine, RowMapping, Select, exc

from ..blocking import Haste, NotNow, uncut
from ..blocking.postgres_errors import explain, extra_needed, is_forbidden
from ..contracts.back_ends import STORES, not_opened
from ..contracts.errors import ConfigError, UnavailableError
from ..contracts.keyring import Keyring
from ..contracts.retry import Retry, retried
from .dialect import Dialect
from .sealing import sealing

T = TypeVar("T")
Work = Callable[[Connection], T]
"""What is done in a transaction, on a thread of the database's. It may be begun again, so it does nothing beside it."""

FEW = 20
"""Rows of a page that takes no longer than a hop to a thread and back."""
_SCHEMES = ("sqlite", "postgresql")
_PAUSE = 0.01
_OURS = (exc.IntegrityError, exc.ProgrammingError, exc.DataError, exc.NotSupportedError)
"""Mistakes of this package, which no repetition cures."""


class _Lane:
    """Connections of one kind, as many threads, and the queue for them, in which a caller can be cancelled at no cost.

    A transaction is one visit to a thread: with a visit for each statement it would hold its lock, which keeps other
    processes out, while the event loop is busy with something else.
    """

    def __init__(self, engine: Engine, connections: int, keyring: Keyring | None, *, reads: bool) -> None:
        self.reads = reads
        self._keyring = keyring
        self._engine = engine
        self._connections = connections
        self._threads: ThreadPoolExecutor | None = None
        self._own = threading.local()
        self._open: list[Connection] = []
        self._losses = 0
        """Connections that turned out to be lost: when one is, the others are as likely, and are made anew."""
        self.turn = asyncio.Semaphore(connections)

    async def run(self, work: Work[T]) -> T:
        """`work` with a connection, to its end even when the caller is cancelled. In one's turn only."""

        def visit() -> T:
            with sealing(self._keyring), self._connected() as connection:
                return work(connection)

        return await self._on_thread(visit)

    @contextmanager
    def _connected(self) -> Generator[Connection]:
        """The connection of this thread, without a transaction before and after.

        To fetch one from the engine each time took a quarter of a short read.
        """
        connection: Connection | None = getattr(self._own, "connection", None)
        if connection is not None and self._own.losses != self._losses:
            self._let_go(connection)
            connection = None
        if connection is None:
            self._own.losses = self._losses
            connection = self._own.connection = self._engine.connect()
            self._open.append(connection)
        try:
            yield connection
            connection.rollback()
        except BaseException as failure:
            if isinstance(failure, exc.DBAPIError) and failure.connection_invalidated:
                self._losses += 1
            self._let_go(connection)
            raise

    def _let_go(self, connection: Connection) -> None:
        self._own.connection = None
        self._open.remove(connection)
        connection.close()

    async def close(self) -> None:
        """Let go of connections and threads; a later `run` makes new ones."""
        await self._on_thread(self._disconnect)
        if self._threads is not None:
            self._threads.shutdown(wait=False)
            self._threads = None

    def _disconnect(self) -> None:
        """When no call is under way."""
        self._own = threading.local()
        for connection in self._open:
            connection.close()
        self._open.clear()
        self._engine.dispose()

    async def _on_thread(self, call: Callable[[], T]) -> T:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._connections, thread_name_prefix="perdure-store")
        return await uncut(asyncio.wrap_future(self._threads.submit(call)))


class _Here:
    """One connection on the event loop, for what is quick: the hop to a thread takes longer."""

    def __init__(self, engine: Engine, dialect: Dialect, keyring: Keyring | None) -> None:
        self._engine = engine
        self._is_busy = dialect.is_busy
        self._keyring = keyring
        self._connection: Connection | None = None
        self._haste = Haste()

    def run(self, work: Work[T], *, is_in_the_way: bool) -> T:
        """`work` now. Raises `NotNow`: others are in the way, here or in another process."""
        if is_in_the_way:
            self._haste.elsewhere()
            raise NotNow
        with self._haste.turn(), sealing(self._keyring):
            if self._connection is None:
                self._connection = self._engine.connect()
            try:
                result = work(self._connection)
                self._connection.rollback()
            except BaseException as failure:
                self._connection.rollback()
                if isinstance(failure, exc.OperationalError) and self._is_busy(failure):
                    raise NotNow from failure
                if isinstance(failure, exc.DBAPIError):
                    self.close()
                raise
            return result

    def close(self) -> None:
        """Let go of the connection; a later `run` makes a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._engine.dispose()


class Database:
    """Reads that stand for themselves, and write transactions, from `open` to `close`.

    A call that is cancelled either has not begun, or ends as if it were not. Every call raises `UnavailableError`
    when the database is locked for longer than `lock_timeout` seconds, full or out of reach, or not open.
    """

    def __init__(self, url: str, *, lock_timeout: float, keyring: Keyring | None = None) -> None:
        """Opens nothing yet. Raises `ConfigError` for a URL that cannot be used."""
        self.dialect = dialect = _dialect_of(url)
        self._lock_timeout = lock_timeout
        self.is_sealed = keyring is not None
        """What columns hold cannot be looked into, but for what stays clear."""
        self._reader = _Lane(dialect.make_engine(dialect.readers), dialect.readers, keyring, reads=True)
        self._writer = _Lane(dialect.make_engine(dialect.writers), dialect.writers, keyring, reads=False)
        hasty = dialect.make_hasty_engine()
        self._here = None if hasty is None else _Here(hasty, dialect, keyring)
        self._opened = False
        self._calls = 0
        self._idle = asyncio.Event()

    def __str__(self) -> str:
        return self.dialect.shown

    async def open(self) -> None:
        """Reach the database. What is missing of file and folder is created."""
        self._opened = True
        try:
            self.dialect.make_place()
        except OSError as error:
            raise self._unavailable(error) from error
        await self.read(self.dialect.prepare)

    async def close(self) -> None:
        """Refuse new calls, let those under way end, let go of all connections. Idempotent."""
        self._opened = False
        while self._calls:
            self._idle.clear()
            await self._idle.wait()
        await uncut(self._dispose())

    async def _dispose(self) -> None:
        if self._here is not None:
            self._here.close()  # not as the last one, which syncs the file
        await self._reader.close()
        await self._writer.close()

    async def fetch(self, query: Select[*tuple[object, ...]], **parameters: object) -> Sequence[RowMapping]:
        """The rows of one query."""
        return await self.read(_rows(query, parameters))

    async def fetch_page(
        self, query: Select[*tuple[object, ...]], limit: int, **parameters: object
    ) -> Sequence[RowMapping]:
        """The rows of a query that has an index, at most `limit` of them: a few are quick."""
        return await self.read(_rows(query, parameters), quick=limit <= FEW)

    async def find(self, query: Select[*tuple[object, ...]], **parameters: object) -> RowMapping | None:
        """The row of a query that names it by a key, and fetches nothing long: that is quick."""
        rows = await self.read(_rows(query, parameters), quick=True)
        return rows[0] if rows else None

    async def read(self, work: Work[T], *, quick: bool = False) -> T:
        """Work whose statements each see a state of their own."""
        return await self._call(self._reader, work, quick=quick)

    async def read_at_once(self, work: Work[T], *, quick: bool = False) -> T:
        """Work whose statements all see the same state."""

        def snapshot(connection: Connection) -> T:
            self.dialect.begin_reading(connection)
            return work(connection)

        return await self.read(snapshot, quick=quick)

    async def write(self, work: Work[T], *, quick: bool = False) -> T:
        """Work in one transaction: all of it, or nothing when it raises. `quick`: a few short rows, found by keys."""

        def transaction(connection: Connection) -> T:
            self.dialect.begin(connection)
            result = work(connection)
            connection.commit()
            return result

        return await self._call(self._writer, transaction, quick=quick)

    async def _call(self, lane: _Lane, work: Work[T], *, quick: bool) -> T:
        if not self._opened:
            raise UnavailableError(f"the store {self} is not open: it was not started yet, or it was closed")
        self._calls += 1
        try:
            if quick and self._here is not None:
                with suppress(NotNow):
                    return self._here.run(work, is_in_the_way=not lane.reads and lane.turn.locked())
            return await self._in_turn(lane, work)
        except (exc.DBAPIError, exc.TimeoutError, OSError) as error:
            if isinstance(error, _OURS) and not is_forbidden(error.orig):
                raise
            raise self._unavailable(error) from error
        finally:
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    async def _in_turn(self, lane: _Lane, work: Work[T]) -> T:
        until = time.monotonic() + self._lock_timeout
        if lane.turn.locked():
            async with asyncio.timeout(self._lock_timeout):
                await lane.turn.acquire()
        else:
            await lane.turn.acquire()
        lost = False

        def passes(error: Exception) -> bool:
            """Busy; or lost before, but once: then all connections of before are let go of."""
            nonlocal lost
            if not isinstance(error, exc.OperationalError):
                return False
            if not lost and self.dialect.was_lost_before(error, reads=lane.reads):
                lost = True
                return True
            return self.dialect.is_busy(error)

        try:
            return await retried(lambda: lane.run(work), Retry(when=passes, until=until, pause=_PAUSE))
        finally:
            lane.turn.release()

    def _unavailable(self, error: Exception) -> UnavailableError:
        cause = (isinstance(error, exc.DBAPIError) and error.orig) or error
        waited = f" (waited {self._lock_timeout:g} s for others)" if isinstance(error, TimeoutError) else ""
        return UnavailableError(f"the store {self} cannot be used now: {explain(cause)}{waited}")


def _rows(query: Select[*tuple[object, ...]], parameters: dict[str, object]) -> Work[Sequence[RowMapping]]:
    return lambda connection: connection.execute(query, parameters).mappings().all()


def _dialect_of(url: str) -> Dialect:
    scheme, separator, _ = url.partition(":")
    if not separator:
        raise ConfigError("store.url is not a URL; write it like sqlite:///folder/store.db")
    if scheme == "sqlite":
        from .sqlite import SqliteDialect

        return SqliteDialect(url)
    if scheme == "postgresql":
        with extra_needed("store.url"):
            from .postgres import PostgresDialect
        return PostgresDialect(url)
    raise not_opened("store.url", url, _SCHEMES, STORES)
