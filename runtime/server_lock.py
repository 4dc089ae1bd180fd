"""The lock of the development server: whose it is, whether it is this home's own, and whether it was left behind.

Locked is a file beside the server's database, by the server itself, to which the descriptor is handed down: the lock
goes with the process, however that ends. In it is written who holds it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
import signal
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from ..blocking import restrict
from ..contracts.errors import DevServerError
from ..contracts.retry import Retry, is_a, retried_on_thread
from ..contracts.settings import Settings
from .server_command import database_path
from .target import server_address

_NOTE = re.compile(r"process (?P<pid>\d+), (?P<address>\S+?)(, started by process (?P<owner>\d+))?")
_LOOKS, _LOOK = 200, 0.05
"""How often, and with which pause (seconds), it is looked whether a server has ended. Politely, it takes a second."""
_GRACE = 0.25
"""Seconds. Who only looks whether it is locked (`holder_of`) has it for a moment."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock."""

    pid: int
    address: str
    owner: int | None
    """The process that started it, and stops it; `None`: it stands by itself (`perdure server`)."""


@contextlib.contextmanager
def server_lock(settings: Settings) -> Generator[int]:
    """Lock for as long as this process, or a server that inherits the descriptor, has it open.

    Raises `DevServerError` when another server has the database.
    """
    path = _lock_path(settings)
    with writable(path, "ab+") as lock:
        until = time.monotonic() + _GRACE
        try:
            retried_on_thread(lambda: _lock(lock), Retry(when=is_a(BlockingIOError), until=until, pause=0.01))
        except BlockingIOError:
            holder = _note_in(path) or "which is just starting"
            raise DevServerError(
                f"the database {path.with_suffix('')} is in use by another development server ({holder}). Stop that "
                "one, or set server.db_filename or home"
            ) from None
        yield lock.fileno()


def note_holder(lock: int, pid: int, settings: Settings, *, owner: int | None = None) -> None:
    """Write down who holds the lock. `owner`: the process that stops it."""
    started = "" if owner is None else f", started by process {owner}"
    with contextlib.suppress(OSError):  # a full disk: the lock holds without the note
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"process {pid}, {server_address(settings.server)}{started}\n".encode(), 0)


def place_of_own_server(settings: Settings, address: str) -> str | None:
    """Where the server at this address has its files, if it is one that this home has started, else `None`."""
    holder = holder_of(settings)
    return str(_lock_path(settings)) if holder is not None and holder.address == address else None


def holder_of(settings: Settings) -> Holder | None:
    """The server that uses the files of this home now, and has written down that it does."""
    path = _lock_path(settings)
    try:
        with path.open("rb") as lock:
            _lock(lock)
            return None
    except BlockingIOError:
        pass
    except OSError:
        return None
    found = _NOTE.fullmatch(_note_in(path))
    if found is None:
        return None
    return Holder(int(found["pid"]), found["address"], int(found["owner"]) if found["owner"] else None)


async def end_orphan(settings: Settings) -> str | None:
    """End a server that was left behind when the process that had started it was killed; what was done, for people."""
    holder = holder_of(settings)
    if holder is None or holder.owner is None or await _parent(holder.pid) in (holder.owner, None):
        return None
    for how in (signal.SIGTERM, signal.SIGKILL):
        if await _ended(settings, holder, how):
            break
    return (
        f"the Temporal server of this home (process {holder.pid}, {holder.address}) had been left behind when process "
        f"{holder.owner}, which had started it, was killed; it was stopped, and its runs go on now"
    )


async def _ended(settings: Settings, holder: Holder, how: signal.Signals) -> bool:
    """Whether the holder has let go of the lock after this signal."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(holder.pid, how)
    for _ in range(_LOOKS):
        if holder_of(settings) != holder:
            return True
        await asyncio.sleep(_LOOK)
    return False


async def _parent(pid: int) -> int | None:
    """The parent of a process that is a development server, else `None`: the number may stand for another one now."""
    try:
        ps = await asyncio.create_subprocess_exec(
            *("ps", "-o", "ppid=,command=", "-p", str(pid)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:  # without it, nothing is known of the process, and nothing is done to it
        return None
    output, _ = await ps.communicate()
    parent, _, command = output.decode(errors="replace").strip().partition(" ")
    return int(parent) if parent.isdecimal() and "start-dev" in command else None


def _lock_path(settings: Settings) -> Path:
    """A server in memory has a lock by its port, which is its own, too."""
    database = database_path(settings)
    if database is None:
        return settings.home.absolute() / f"temporal-{settings.server.port}.memory.lock"
    return database.with_name(f"{database.name}.lock")


def _lock(lock: BinaryIO) -> None:
    """Raises `BlockingIOError` while somebody else has it."""
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _note_in(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def writable(path: Path, mode: Literal["wb", "ab+"]) -> BinaryIO:
    """The file, open. Raises `DevServerError`."""
    try:
        return open(path, mode, opener=_private)
    except OSError as exc:
        raise DevServerError(f"{path} cannot be written: {exc.strerror}") from exc


def _private(path: str, flags: int) -> int:
    restrict(Path(path))  # one of before
    return os.open(path, flags, 0o600)
