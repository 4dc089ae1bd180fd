"""How a process learns of changes: one connection that hears of them, for all who wait in it, and a poll beneath.

What a server tells, it tells at most once. So whoever waits looks again after each new connection, and every `POLL`
seconds. While the server is away nobody is woken: to look would fail, and who waits only goes on later.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Collection, Coroutine, Generator, Iterable
from contextlib import contextmanager

from ..contracts.errors import UnavailableError
from .watches import Subject, Watch, Watches

logger = logging.getLogger(__name__)

POLL = 2.0
_LONGEST_PAUSE = 1.0


class UnheardError(Exception):
    """The server answers, and tells nothing of changes."""


class Listening(ABC):
    """From `start` to `close`, on the event loop of its `start`."""

    def __init__(self, shown: str, *, failures: tuple[type[Exception], ...]) -> None:
        """`shown`: the server, in texts; `failures`: of a connection."""
        self.shown = shown
        self._failures = failures
        self._watches = Watches()
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False
        self.reachable = True
        """Whether it is worth while to look. `converse` says when it is again."""
        self.stirred = asyncio.Event()
        """What is waited for may be another than before."""

    @abstractmethod
    async def converse(self) -> None:
        """Hear for as long as a connection lasts, then raise why it does not, or `UnheardError`."""

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._poll())]

    def end_waits(self) -> None:
        """Everybody's. Before anything else is closed, or who waits would look once more, and fail."""
        self._closed = True
        self._watches.close()

    async def close(self) -> None:
        self.end_waits()
        await end(self._tasks)

    @contextmanager
    def watch(self, subject: Subject) -> Generator[Watch]:
        """A waiter for as long as the block lasts. Raises `UnavailableError` after `close`."""
        if self._closed:
            raise UnavailableError(f"the bridge at {self.shown} was closed")
        with self._watches.add(subject) as watch:
            self.stirred.set()
            yield watch

    def wanted(self) -> list[Subject]:
        """What is waited for."""
        return self._watches.subjects()

    def wake(self, subjects: Iterable[Subject]) -> None:
        """Let those who wait for one of `subjects` look again."""
        self._watches.wake(subjects)

    async def can_look(self) -> bool:
        """Whether the server answers, as far as is known."""
        return self.reachable

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL)
            if await self.can_look():
                self.wake(self.wanted())

    async def _listen(self) -> None:
        pause = 0.0
        while True:
            try:
                await self.converse()
            except UnheardError as exc:
                logger.warning("the bridge at %s tells nothing, so it is asked often: %s", self.shown, exc)
                self.reachable, pause = True, _LONGEST_PAUSE
            except self._failures as exc:
                if self.reachable:
                    logger.warning("the bridge at %s cannot be heard, trying again: %s", self.shown, exc)
                pause = min(2 * pause + 0.02, _LONGEST_PAUSE) if not self.reachable else 0.02
                self.reachable = False
            await asyncio.sleep(pause)


async def first_of(*work: Coroutine[None, None, None]) -> None:
    """Do them at once, until one of them ends or fails; then none of them goes on."""
    tasks = {asyncio.ensure_future(one) for one in work}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await end(tasks)


async def end(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel them until they are: `asyncio.wait_for`, which redis-py uses, may swallow a cancel (Python 3.11)."""
    while going := [task for task in tasks if not task.done()]:
        for task in going:
            task.cancel()
        await asyncio.wait(going, timeout=0.05)
    await asyncio.gather(*tasks, return_exceptions=True)
