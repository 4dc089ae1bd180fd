"""Real processes, but forked from one that has imported everything: a fresh one takes seconds for that.

A test that is about how a process starts, or how its interpreter ends, needs a fresh one.
"""

from __future__ import annotations

import asyncio
import gc
import math
import multiprocessing
import os
import runpy
import signal
import sys
import tempfile
import threading
from asyncio import StreamReader, StreamReaderProtocol
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from io import TextIOWrapper
from multiprocessing import connection, forkserver, reduction
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any, BinaryIO

from perdure.cli import main

from .servers import until

__all__ = ["Forked", "Program", "forking", "import_early", "program"]

forking = multiprocessing.get_context("forkserver")
forking.set_forkserver_preload(
    [
        "perdure.store.sql",
        "alembic.command",
        "pytest",
        "perdure.cli.app",
        "perdure.runtime.worker",
        "perdure.testing",
        "perdure.gateway",
        "aiosqlite",
        "langgraph.prebuilt",
        "rich.table",
        "typer.rich_utils",
    ]
)


_looking = threading.Lock()
"""Who looks whether a process has ended reads its exit code from a pipe, in which it is only once; and who starts one
looks at all others."""


def import_early() -> None:
    """Begin with the imports, beside what is done meanwhile."""
    forkserver.ensure_running()


class Forked:
    """A Python program as a process, as `subprocess.Popen`.

    `command`: `perdure`, `-m` or `-c`, and what follows. `output`, `errors`, `given`: descriptors; without the last one
    it reads nothing.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        output: int,
        errors: int,
        given: int | None = None,
        cwd: Path | None = None,
    ) -> None:
        with open(os.devnull, "rb") as nothing:
            streams = [_Stream(one) for one in (nothing.fileno() if given is None else given, output, errors)]
            self._start([*map(str, command)], dict(env), cwd or Path.cwd(), streams)

    def _start(self, *given: object) -> None:
        self._process = forking.Process(target=_become, args=given, daemon=True)
        with _looking:
            self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit code, or the negative number of the signal that has ended it; `None` while it executes."""
        with _looking:
            return self._process.exitcode

    def wait(self, limit: float | None = None) -> int:
        """Its exit code. Raises `TimeoutExpired` after so many seconds."""
        connection.wait([self._process.sentinel], limit)
        code = self.returncode
        if code is None:
            raise TimeoutExpired(self._process.name, limit or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """`kill -9`."""
        self.send_signal(signal.SIGKILL)


class Program:
    """A `Forked` for asynchronous tests, as `asyncio.subprocess.Process`."""

    def __init__(self, process: Forked, stdout: StreamReader, stderr: StreamReader) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.kill = process.kill
        self.send_signal = process.send_signal
        self._process = process

    @property
    def returncode(self) -> int | None:
        """As that of `Forked`."""
        return self._process.returncode

    async def wait(self) -> int:
        """Its exit code."""
        await until(lambda: self.returncode is not None, math.inf)
        return self._process.wait()

    async def communicate(self) -> tuple[bytes, bytes]:
        """All that it writes until it ends."""
        out, err = await asyncio.gather(self.stdout.read(), self.stderr.read())
        await self.wait()
        return out, err


async def program(
    *command: str | Path,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdin: bytes = b"",
    errors: int | None = None,
) -> Program:
    """Start one that reads `stdin`. `errors`: the descriptor that it writes them to, instead of `Program.stderr`."""
    with ExitStack() as theirs:
        given = theirs.enter_context(tempfile.TemporaryFile())
        given.write(stdin)
        given.seek(0)
        (stdout, output), (stderr, piped) = await _piped(theirs), await _piped(theirs)
        streams = {"given": given.fileno(), "output": output, "errors": piped if errors is None else errors}
        # The first of all waits for the imports.
        return Program(await asyncio.to_thread(Forked, command, env=env, cwd=cwd, **streams), stdout, stderr)


async def _piped(theirs: ExitStack) -> tuple[StreamReader, int]:
    """What we read, and the descriptor of a process that writes it, which is closed here once the process has it."""
    reads, writes = os.pipe()
    theirs.callback(os.close, writes)
    reader = StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: StreamReaderProtocol(reader), os.fdopen(reads, "rb"))
    return reader, writes


class _Stream:
    """A descriptor on its way to a process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (reduction.DupFd(self._descriptor),)


def _arrived(duplicate: Any) -> int:
    return duplicate.detach()


def _become(command: list[str], variables: Mapping[str, str], folder: Path, streams: list[int]) -> None:
    """What a fresh interpreter has at its start, then the program."""
    gc.freeze()  # what was imported stays: to look through it is to copy it
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = os.fdopen(0)
    sys.stdout, sys.stderr = (_writer(os.fdopen(number, "wb", closefd=False)) for number in (1, 2))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    _execute(*command)


def _writer(raw: BinaryIO) -> TextIOWrapper:
    return TextIOWrapper(raw, encoding="utf-8", line_buffering=True)


def _execute(what: str, *arguments: str) -> None:
    if what == "perdure":
        sys.argv = [what, *arguments]
        main()
    sys.argv = [what, *arguments[1:]]
    if what == "-m":
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    else:
        exec(arguments[0], {"__name__": "__main__"})
