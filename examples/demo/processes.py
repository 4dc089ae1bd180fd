"""Programs as processes of their own: started, watched, killed, and never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

STOP_LIMIT = 5.0
"""Seconds that a process may take to end when it is asked to."""
_LOOK = 0.2
"""Seconds between two looks at whether the processes still live, while something else is waited for."""


class DemoError(Exception):
    """The demo cannot go on, or has shown that something does not work. The text says what."""


class Process:
    """A program in a session of its own, so that Ctrl-C and kills reach it only when the demo wants that."""

    def __init__(self, name: str, command: Sequence[str], *, log: Path) -> None:
        self.name = name
        self.log = log
        self.ended = False
        """By the demo."""
        try:
            with log.open("wb") as output:
                self._popen = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as exc:
            raise DemoError(f"the {name} cannot be started: {exc}") from exc

    @property
    def pid(self) -> int:
        """Its process id, and that of its group."""
        return self._popen.pid

    def kill(self) -> None:
        """SIGKILL for the whole group: no clean-up, no goodbye."""
        self.ended = True
        self._signal_group(signal.SIGKILL)
        self._popen.wait()

    def stop(self) -> None:
        """End it: politely, and after `STOP_LIMIT` by force."""
        self._signal_group(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(STOP_LIMIT)
        self.kill()

    def check(self) -> None:
        """Raises `DemoError`, with the end of its log, when it has ended by itself."""
        status = self._popen.poll()
        if status is not None and not self.ended:
            raise DemoError(f"the {self.name} has ended by itself, with status {status}\n{self.last_lines()}")

    def last_lines(self) -> str:
        """The end of its log, for a human."""
        lines = self.log.read_text(errors="replace").splitlines()[-20:]
        return "\n".join([f"the end of {self.log}:", *(f"    {line}" for line in lines)])

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter is macOS for a group of dead ones
            os.killpg(self.pid, number)


class Processes:
    """All processes of the demo. However the `with` block ends, they end with it, unless they were released."""

    def __init__(self) -> None:
        self._all: list[Process] = []

    def __enter__(self) -> Processes:
        # One way out for every signal: asyncio makes a SIGINT the cancellation of the main task.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        # A second Ctrl-C must not cut the cleaning up short.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for process in reversed(self._all):
            process.stop()

    def start(self, name: str, command: Sequence[str], *, log: Path) -> Process:
        """Start a program that writes to `log`."""
        process = Process(name, command, log=log)
        self._all.append(process)
        return process

    def release(self) -> list[Process]:
        """Leave those that live as they are."""
        left = [process for process in self._all if not process.ended]
        self._all.clear()
        return left

    async def within(self, seconds: float, what: str, work: Awaitable[T]) -> T:
        """The result of `work`. Raises `DemoError` when it takes longer, or when a process ends by itself before."""
        task = asyncio.ensure_future(work)
        try:
            async with asyncio.timeout(seconds):
                while not (await asyncio.wait({task}, timeout=_LOOK))[0]:
                    for process in self._all:
                        process.check()
        except TimeoutError:
            logs = [process.last_lines() for process in self._all if not process.ended]
            raise DemoError("\n".join([f"waited {seconds:g} s for {what}, in vain", *logs])) from None
        finally:
            task.cancel()
        return task.result()

    async def watched(self, stream: AsyncIterator[T], *, limit: float, what: str) -> AsyncGenerator[T]:
        """`stream`, each item by the rules of `within`."""
        with contextlib.suppress(StopAsyncIteration):
            while True:
                yield await self.within(limit, what, anext(stream))


def _interrupt(*_: object) -> None:
    signal.raise_signal(signal.SIGINT)
