"""Streams in a SQLite file, for all processes of one machine."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from ...blocking import QUICK, FirstOfTurn, NotNow, SqliteThread, SqliteWriter
from ...contracts.errors import UnavailableError
from ...contracts.types import Stop, StreamEvent
from ..contract import Bridge, NewEvent, StreamSize
from ..stream import LEAP, Excerpt, size_of, stop_level
from ..subscription import await_stop, follow
from ..tails import Tails
from ..watches import Topic, Watch
from . import leases, streams
from .file import connect_reader, connect_writer
from .publish import Publish, together
from .watcher import SqliteWatcher

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Open:
    writer: SqliteWriter
    reader: SqliteThread
    watcher: SqliteWatcher


class SqliteBridge(Bridge):
    """Three threads: one writes, one reads (both but for what is quick), and one watches the file while somebody waits.

    A full disk, a locked file and the like raise `UnavailableError`, and later calls work again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._tails = Tails()
        self._parts: _Open | None = None

    async def start(self) -> None:
        """Raises `UnavailableError`, or `ConfigError` for a file that is no bridge, or a newer one."""
        if self._parts is not None:
            return
        self._parts = _Open(
            SqliteWriter(self._path, connect_writer, keeper="bridge", together=together),
            SqliteThread(self._path, connect_reader, keeper="bridge"),
            SqliteWatcher(self._path),
        )
        try:
            await self._write(_connected)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        parts, self._parts = self._parts, None
        if parts is not None:
            closed = [asyncio.wrap_future(part.close()) for part in (parts.watcher, parts.reader)]
            await asyncio.shield(asyncio.gather(*closed, parts.writer.close()))

    async def create(self, run_id: str) -> None:
        await self._write(partial(streams.create, run_id=run_id), quick=True)

    async def create_again(self, run_id: str) -> None:
        await self._write(partial(streams.create, run_id=run_id, after=LEAP))

    async def publish(self, run_id: str, events: Sequence[NewEvent], *, fence: int) -> int:
        publish = Publish(run_id, tuple(events), fence)
        return await self._write(publish, quick=size_of(events) < QUICK)

    async def publish_terminal(self, run_id: str, event: NewEvent, *, fence: int) -> int:
        return await self._write(partial(streams.end, run_id=run_id, event=event, fence=fence))

    def subscribe(
        self, run_id: str, *, last_event_id: str | int | None = None, heartbeat_interval: float | None = None
    ) -> AsyncGenerator[StreamEvent]:
        is_first = FirstOfTurn()  # who is far behind reads page after page

        async def read(position: int) -> Excerpt:
            return await self._read(partial(streams.read, run_id=run_id, position=position), quick=is_first())

        return follow(
            run_id,
            last_event_id,
            heartbeat_interval,
            watch=partial(self._watch, run_id, Topic.STREAM),
            read=read,
            tails=self._tails,
        )

    async def last_event_id(self, run_id: str) -> int:
        return await self._read(partial(streams.last_id, run_id=run_id), quick=True)

    async def size(self, run_id: str) -> StreamSize:
        return await self._read(partial(streams.size, run_id=run_id))

    async def cancel(self, run_id: str, *, stop: Stop = Stop.NOW) -> None:
        watcher = self._open.watcher
        await self._write(partial(streams.raise_stop, run_id=run_id, level=stop_level(stop)), quick=True)
        watcher.wake((run_id, Topic.STOP))

    async def stop_requested(self, run_id: str, *, beyond: Stop | None = None) -> Stop:
        async def read() -> int:
            return await self._read(partial(streams.stop_level, run_id=run_id), quick=True)

        return await await_stop(beyond, watch=partial(self._watch, run_id, Topic.STOP), read=read)

    async def attend(self, run_id: str, lease: float) -> None:
        await self._write(partial(leases.attend, run_id=run_id, lease=lease), quick=True)

    async def leave(self, run_id: str) -> None:
        await self._write(partial(leases.leave, run_id=run_id), quick=True)

    async def abandoned(self) -> list[str]:
        return await self._read(leases.abandoned)

    async def trim(self, run_id: str, *, before: int) -> None:
        await self._write(partial(streams.trim, run_id=run_id, before=before))

    async def cleanup(self, run_id: str) -> None:
        await self._write(partial(streams.cleanup, run_id=run_id))

    async def held(self) -> AsyncGenerator[str]:
        page = await self._read(partial(streams.held, beyond=0))
        while page:
            for _, run_id in page:
                yield run_id
            page = await self._read(partial(streams.held, beyond=page[-1][0]))

    async def _write(self, work: Callable[[sqlite3.Connection], T], *, quick: bool = False) -> T:
        return await self._open.writer.run(work, quick=quick)

    async def _read(self, work: Callable[[sqlite3.Connection], T], *, quick: bool = False) -> T:
        reader = self._open.reader
        if quick:
            with suppress(NotNow):
                return reader.at_once(work)
        return await reader.run(work)

    def _watch(self, run_id: str, topic: Topic) -> AbstractContextManager[Watch]:
        return self._open.watcher.watch((run_id, topic))

    @property
    def _open(self) -> _Open:
        if self._parts is None:
            raise UnavailableError(f"the bridge in {self._path} is not open: `start` comes first, `close` ends it")
        return self._parts


def _connected(connection: sqlite3.Connection) -> None:
    """Nothing: the call itself has connected."""
