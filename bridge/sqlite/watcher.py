"""How a process learns, within milliseconds, of what any process wrote to the file."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path

from ...contracts.errors import UnavailableError
from ..watches import Subject, Topic, Watch, Watches
from .file import connect_reader
from .streams import watched

logger = logging.getLogger(__name__)

_POLL = 0.002  # seconds, where somebody reads a stream
_POLL_STOPS = 0.05  # where only stops of other processes are waited for: this one's own are told without the file
_POLL_IDLE = 0.01  # the same, when the file has not changed for `_IDLE`
_IDLE = 1.0  # seconds: a run between two events of a model is not idle
_SHARE = 4  # with thousands of watched runs: rest this many times as long as looking them up took
_RETRY = 0.25  # seconds until the next try, when the file cannot be read

_State = dict[Subject, tuple[int, int] | None]


class SqliteWatcher:
    """One thread, while somebody waits: polls `PRAGMA data_version`, and wakes those whose run has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._watches = Watches()
        self._lock = threading.Lock()
        """A watch is never left to a thread that has just decided to end."""
        self._ended: Future[None] | None = None
        """Of the thread that polls."""
        self._closed = False
        self._nudge = threading.Event()
        """Cuts the thread's pause short."""

    @contextmanager
    def watch(self, subject: Subject) -> Generator[Watch]:
        """A waiter for as long as the block lasts. Raises `UnavailableError` after `close`."""
        try:
            with self._watches.add(subject) as watch:
                self._ensure_polling()
                if subject[1] is Topic.STREAM:
                    self._nudge.set()  # from now on it is to be looked more often
                yield watch
        finally:
            if self._watches.empty():
                self._nudge.set()

    def wake(self, subject: Subject) -> None:
        """Let those who wait for it here look again, without waiting for the file to be looked at."""
        self._watches.wake([subject])

    def close(self) -> Future[None]:
        """End everybody's wait; done when the thread is."""
        with self._lock:
            self._closed = True
            ended = self._ended
        self._watches.close()
        self._nudge.set()
        return ended or _done()

    def _ensure_polling(self) -> None:
        with self._lock:
            if self._closed:
                raise UnavailableError(f"the bridge in {self._path} was closed")
            if self._ended is None:
                ended: Future[None] = Future()
                # A daemon, or an iteration that nobody closed would keep the process from exiting.
                threading.Thread(target=self._run, args=(ended,), name="perdure-bridge-watcher", daemon=True).start()
                self._ended = ended

    def _wanted(self) -> bool:
        """Whether to go on. After a no another thread may be running."""
        with self._lock:
            if self._watches.empty() or self._closed:
                self._ended = None
                return False
            return True

    def _run(self, ended: Future[None]) -> None:
        try:
            while not self._watch_file():
                self._nudge.wait(_RETRY)
                self._nudge.clear()
        finally:
            ended.set_result(None)

    def _watch_file(self) -> bool:
        """Whether all is done; when the file cannot be read, it is not."""
        try:
            with closing(connect_reader(self._path)) as connection:
                self._poll(connection)
        except sqlite3.Error as exc:
            logger.warning("the bridge in %s cannot be watched, trying again: %s", self._path, exc)
            # Each waiter looks for itself: it gets the error, or goes on waiting.
            self._watches.wake(self._watches.subjects())
            return not self._wanted()
        return True

    def _poll(self, connection: sqlite3.Connection) -> None:
        version: int | None = None
        state: _State = {}
        changed_at = time.monotonic()
        while self._wanted():
            self._nudge.clear()
            began = time.thread_time()
            # First the version and then the subjects: who is added in between looks after this change.
            (current,) = connection.execute("PRAGMA data_version").fetchone()
            if current != version:
                version, changed_at = current, time.monotonic()
                state = self._wake_changed(connection, state)
            pause = self._pause(time.monotonic() - changed_at)
            self._nudge.wait(max(pause, _SHARE * (time.thread_time() - began)))

    def _pause(self, unchanged: float) -> float:
        """`unchanged`: seconds for which the file has not changed."""
        if not self._watches.have(Topic.STREAM):
            return _POLL_STOPS
        return _POLL if unchanged < _IDLE else _POLL_IDLE

    def _wake_changed(self, connection: sqlite3.Connection, before: _State) -> _State:
        subjects = self._watches.subjects()
        found = watched(connection, [run_id for run_id, _ in subjects])
        state = {subject: _aspect(subject[1], found.get(subject[0])) for subject in subjects}
        # Who was not looked up before may have been added on either side of the change.
        self._watches.wake(subject for subject, now in state.items() if subject not in before or before[subject] != now)
        return state


def _aspect(topic: Topic, found: tuple[int, int, int] | None) -> tuple[int, int] | None:
    if found is None:
        return None
    stream, last_id, stop = found
    return stream, last_id if topic is Topic.STREAM else stop


def _done() -> Future[None]:
    done: Future[None] = Future()
    done.set_result(None)
    return done
