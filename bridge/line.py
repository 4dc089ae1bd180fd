"""The calls of a process, down one connection, in their order: with a pool, a call that was given up could come late.

What waits together is one pipeline. When the connection fails, what was sent is sent again, for each call may come
twice: a publish is known by its number, the others say how something is from now on. So a restart of the server, or a
connection that was cut, is no failure of a call; a server that stays away for longer than its patience is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from ..contracts.errors import UnavailableError

C = TypeVar("C")
_Sent = TypeVar("_Sent", contravariant=True)

PATIENCE = 5.0
"""Seconds that a call waits for a server that has gone away, as long as for a locked file of SQLite."""
_LONGEST_PAUSE = 0.5
_LATER = 1000
"""Calls that are looked at again and again while others of their run are under way."""
_BYTES = 4 * 2**20
"""Of one pipeline, unless its first call has more."""


class Link(Protocol[_Sent]):
    """One connection. It ends with its first failure, and whether the server has done what failed is unknown."""

    async def ask(self, calls: Sequence[_Sent]) -> Sequence[Any]:
        """Their answers; that of a call that the server refuses is an exception. Raises the line's failures."""
        ...

    async def close(self) -> None: ...


@dataclass(slots=True, eq=False)
class _Call(Generic[C]):
    what: C
    of: str | None
    size: int
    patience: float
    answer: asyncio.Future[Any]
    deadline: float | None = None
    """By the event loop's clock, from the first failure of the connection that it has seen."""


class Line(Generic[C]):
    """From `start` to `close`, on the event loop of its `start`."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Link[C]]],
        *,
        shown: str,
        failures: tuple[type[Exception], ...],
        most: int,
    ) -> None:
        """`shown`: the server, in errors; `failures`: of a connection; `most`: calls that are sent together."""
        self._connect = connect
        self._shown = shown
        self._failures = failures
        self._most = most
        self._queue: deque[_Call[C]] = deque()
        self._stirred = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        self._link: Link[C] | None = None
        self._pause = 0.0
        self._closed = False

    def start(self, link: Link[C]) -> None:
        """`link`: the first one, which is the line's from now on."""
        self._link = link
        self._serving = asyncio.create_task(self._serve())

    async def close(self) -> None:
        """What was called before still happens."""
        self._closed = True
        self._stirred.set()
        if self._serving is not None:
            await asyncio.shield(self._serving)
        await self._drop()

    async def call(self, what: C, *, of: str | None = None, size: int = 0, patience: float | None = None) -> Any:
        """The answer. `of`: the run that it changes, whose calls happen one after the other; `size`: bytes.

        `patience`: seconds that it waits for a server that has gone away, instead of `PATIENCE`. One that is cancelled
        before its turn does not happen. Raises `UnavailableError`, without knowing whether it has happened.
        """
        if self._closed:
            raise UnavailableError(f"the bridge at {self._shown} was closed")
        wait = PATIENCE if patience is None else patience
        call = _Call(what, of, size, wait, asyncio.get_running_loop().create_future())
        self._queue.append(call)
        self._stirred.set()
        return await call.answer

    async def _serve(self) -> None:
        while not self._closed or self._queue:
            await self._stirred.wait()
            if not self._closed:
                self._stirred.clear()
            while group := self._take():
                await self._settle(group)

    def _take(self) -> list[_Call[C]]:
        """The next calls, of each run one: of two that change it, the first is certain before the second is sent."""
        group: list[_Call[C]] = []
        later: list[_Call[C]] = []
        runs: set[str] = set()
        size = 0
        while self._queue and len(group) < self._most and len(later) < _LATER and size < _BYTES:
            call = self._queue.popleft()
            if call.answer.done():
                continue
            if call.of in runs:
                later.append(call)
                continue
            if call.of is not None:
                runs.add(call.of)
            group.append(call)
            size += call.size
        self._queue.extendleft(reversed(later))
        return group

    async def _settle(self, group: list[_Call[C]]) -> None:
        while waiting := [call for call in group if not call.answer.done()]:
            try:
                await self._ask(waiting)
            except self._failures as exc:
                await self._drop()
                self._give_up([*waiting, *self._queue], exc)
                await asyncio.sleep(self._pause)
                self._pause = min(2 * self._pause + 0.02, _LONGEST_PAUSE)
            except Exception as exc:  # noqa: BLE001 - whatever goes wrong, nobody must wait for it for ever
                await self._drop()
                self._fail(waiting, exc)
            else:
                self._pause = 0.0

    async def _ask(self, calls: list[_Call[C]]) -> None:
        if self._link is None:
            self._link = await self._connect()
        answers = await self._link.ask([call.what for call in calls])
        for call, answer in zip(calls, answers, strict=True):
            if call.answer.done():
                continue
            if isinstance(answer, Exception):
                call.answer.set_exception(unavailable(self._shown, answer))
            else:
                call.answer.set_result(answer)

    def _give_up(self, calls: list[_Call[C]], why: Exception) -> None:
        now = asyncio.get_running_loop().time()
        for call in calls:
            if call.deadline is None:
                call.deadline = now + call.patience
            elif call.deadline <= now:
                self._fail([call], unavailable(self._shown, why))

    def _fail(self, calls: list[_Call[C]], why: Exception) -> None:
        for call in calls:
            if not call.answer.done():
                call.answer.set_exception(why)

    async def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()


def unavailable(shown: str, why: Exception) -> UnavailableError:
    """`shown`: the server."""
    said = " ".join(str(why).split()) or type(why).__name__
    return UnavailableError(f"the bridge at {shown} cannot be used now: {said}")
