"""Who waits for what: the link between a change of a stream and the event loops that wait for it."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from enum import Enum


class Topic(Enum):
    """What of a run is waited for."""

    STREAM = "stream"
    STOP = "stop"


Subject = tuple[str, Topic]
"""A run id, and what of it."""


class Watch:
    """One waiter. Wait in this order, or a change is missed: `rearm`, look, `wait`."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.closed = False
        """The bridge was closed; nothing will come any more."""
        self.relay: Callable[[], None] | None = None
        """Is called whenever the watch is woken, on its event loop."""
        self._changed = False
        self._waiting: asyncio.Future[bool] | None = None
        """(An `asyncio.Event` with its timeout takes three times the memory, for each of thousands of readers.)"""

    def rearm(self) -> None:
        self._changed = False

    async def wait(self, deadline: float | None = None) -> bool:
        """Whether something changed before `deadline` (the event loop's clock)."""
        if self._changed:
            return True
        self._waiting = waiting = self.loop.create_future()
        timer = None if deadline is None else self.loop.call_at(deadline, _settle, waiting, False)
        try:
            return await waiting
        finally:
            self._waiting = None
            if timer is not None:
                timer.cancel()

    def wake(self) -> None:
        """Only on the watch's own event loop."""
        self._changed = True
        if self._waiting is not None:
            _settle(self._waiting, True)
        if self.relay is not None:
            self.relay()


def _settle(waiting: asyncio.Future[bool], changed: bool) -> None:
    if not waiting.done():
        waiting.set_result(changed)


class Watches:
    """The waiters of a bridge. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_subject: dict[Subject, set[Watch]] = {}

    def add(self, subject: Subject) -> AbstractContextManager[Watch]:
        """A waiter for as long as the block lasts."""
        return _Added(self, subject)

    def join(self, subject: Subject, watch: Watch) -> None:
        with self._lock:
            self._by_subject.setdefault(subject, set()).add(watch)

    def leave(self, subject: Subject, watch: Watch) -> None:
        with self._lock:
            group = self._by_subject[subject]
            group.discard(watch)
            if not group:
                del self._by_subject[subject]

    def empty(self) -> bool:
        return not self._by_subject

    def have(self, topic: Topic) -> bool:
        """Whether somebody waits for this of any run."""
        with self._lock:
            return any(one is topic for _, one in self._by_subject)

    def subjects(self) -> list[Subject]:
        with self._lock:
            return list(self._by_subject)

    def wake(self, subjects: Iterable[Subject]) -> None:
        """Let those who wait for one of `subjects` look again."""
        with self._lock:
            watches = [watch for subject in subjects for watch in self._by_subject.get(subject, ())]
        _wake(watches)

    def close(self) -> None:
        """Tell every waiter that nothing will come any more."""
        with self._lock:
            watches = [watch for group in self._by_subject.values() for watch in group]
        for watch in watches:
            watch.closed = True
        _wake(watches)


class _Added:
    """(A generator would have a frame of its own, for each of thousands of runs.)"""

    __slots__ = ("_subject", "_watch", "_watches")

    def __init__(self, watches: Watches, subject: Subject) -> None:
        self._watches = watches
        self._subject = subject

    def __enter__(self) -> Watch:
        self._watch = watch = Watch()
        self._watches.join(self._subject, watch)
        return watch

    def __exit__(self, *_: object) -> None:
        self._watches.leave(self._subject, self._watch)


def _wake(watches: Iterable[Watch]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[Watch]] = defaultdict(list)
    for watch in watches:
        by_loop[watch.loop].append(watch)
    for loop, group in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: those iterations were abandoned with it
            loop.call_soon_threadsafe(_wake_on_loop, group)


def _wake_on_loop(watches: list[Watch]) -> None:
    for watch in watches:
        watch.wake()
