"""Child processes, and what a process has used of the machine."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
ROOT = Path(__file__).parents[1]


class Child:
    """A process with its output in a file."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self.log = log

    @property
    def pid(self) -> int:
        return self._process.pid

    async def wait(self) -> int:
        """Its exit code, at its end."""
        return await self._process.wait()

    def check(self) -> None:
        """Raises `RuntimeError`, with what it said last, when it has ended."""
        if self._process.returncode is not None:
            raise RuntimeError(f"a process of the benchmark has ended: {self.log.read_text('utf-8')[-2000:]}")

    async def said(self, word: str, limit: float = 30.0) -> str:
        """Its output, once the word is in it. Raises `RuntimeError` when it ends before, or after `limit` seconds."""
        deadline = time.monotonic() + limit
        while word not in (output := self.log.read_text("utf-8")):
            self.check()
            if time.monotonic() > deadline:
                raise RuntimeError(f"a process of the benchmark has not said {word!r} in {limit:g} s: {output[-2000:]}")
            await asyncio.sleep(0.05)
        return output

    async def kill(self) -> None:
        """`kill -9`, and wait."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """Politely; by force after 5 s."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(5):
                await self._process.wait()
        except TimeoutError:
            await self.kill()


async def spawn(
    command: Sequence[str | Path], log: Path, *, folder: Path = ROOT, variables: Mapping[str, str] | None = None
) -> Child:
    """Start a process of a session of its own, so that Ctrl-C reaches it only through us."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env=environment(variables or {}),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Child(process, log)


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Ours, without what the shell says to Perdure and Temporal, and with bytecode: a start is not to compile."""
    foreign = ("PERDURE_", "TEMPORAL_", "PYTHONDONTWRITEBYTECODE")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    compiled = str(Path(tempfile.gettempdir()) / f"perdure-bench-compiled-{os.getuid()}")
    return {**inherited, "PYTHONPYCACHEPREFIX": compiled, "PYTHONUNBUFFERED": "1", **variables}


@asynccontextmanager
async def child(
    command: Sequence[str | Path], log: Path, *, folder: Path = ROOT, variables: Mapping[str, str] | None = None
) -> AsyncGenerator[Child]:
    """A process for the length of a block."""
    started = await spawn(command, log, folder=folder, variables=variables)
    try:
        yield started
    finally:
        await started.stop()


def script(name: str) -> Path:
    """A command of this environment."""
    return Path(sys.executable).with_name(name)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid: int) -> float | None:
    """Of a process so far, in all its threads. `None` where the system has no /proc."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS if fields else None


def memory_mb(pid: int) -> float | None:
    """Resident, in megabytes. `None` where the system has no /proc."""
    fields = _stat(pid)
    return int(fields[21]) * _PAGE / 1e6 if fields else None


def _stat(pid: int) -> list[str]:
    """From the state on: the name before it may hold spaces."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return []


class Meter:
    """CPU seconds of processes, by what they are: `with meter: …`, as often as wanted."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self.used = dict.fromkeys(pids, 0.0)

    def __enter__(self) -> None:
        self._add(-1)

    def __exit__(self, *_: object) -> None:
        self._add(1)

    def _add(self, sign: int) -> None:
        for name, pid in self._pids.items():
            self.used[name] += sign * (cpu_seconds(pid) or 0.0)
