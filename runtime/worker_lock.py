"""A lock that a worker holds for as long as its process lives, however that ends: the kernel lets go of it.

So any worker of the machine with the same home can tell a process that is dead from one that only does not answer. The
files lie in `workers/` of the home. One that was written before a restart of the machine, or on another machine that
shares the home, proves nothing, and is left alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import uuid
from collections.abc import Generator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from ..blocking import private_folder, restrict

_OLD = 7 * 86_400.0
"""Seconds. What another machine's worker left behind goes then; one that still lives has its heartbeats."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class _Note(BaseModel):
    """What is in the file."""

    model_config = ConfigDict(frozen=True)

    identity: str
    machine: str
    boot: str


@contextlib.contextmanager
def worker_lock(home: Path, identity: str) -> Generator[None]:
    """Held within the block by the worker of this identity. Nothing where that cannot be: its heartbeats have to do."""
    with contextlib.ExitStack() as stack:
        if (boot := _boot()) is not None:
            with contextlib.suppress(OSError):
                stack.enter_context(_locked(_folder(home), _Note(identity=identity, machine=_machine(), boot=boot)))
        yield


@contextlib.contextmanager
def _locked(folder: Path, note: _Note) -> Generator[None]:
    private_folder(folder)
    path = folder / f"{uuid.uuid4()}.lock"
    # Written and locked under another name: whoever finds a worker's file finds both done.
    new = path.with_suffix(".new")
    with new.open("x") as file:
        restrict(new)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.write(note.model_dump_json())
        file.flush()
        new.rename(path)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def dead_workers(home: Path) -> Generator[str]:
    """The identities of workers whose processes have ended without a word. Each is told once: to whom asks first.

    It counts as told when the next one is asked for; who fails before that leaves it to others.
    """
    boot = _boot()
    with contextlib.suppress(OSError):
        for path in sorted(_folder(home).glob("*.lock")):
            yield from _dead(path, boot)


def _dead(path: Path, boot: str | None) -> Generator[str]:
    with contextlib.suppress(OSError), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            note = _Note.model_validate_json(file.read())
        except (BlockingIOError, ValidationError):
            return
        if note.machine != _machine():
            old = time.time() - os.fstat(file.fileno()).st_mtime > _OLD
            if not old:
                return
        elif note.boot == boot and path.exists():
            yield note.identity
        path.unlink(missing_ok=True)


def _folder(home: Path) -> Path:
    return home.absolute() / "workers"


def _boot() -> str | None:
    """The same for all processes of a machine, until it is started anew; `None` where the system does not tell."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return None


def _machine() -> str:
    """Containers are machines of their own."""
    return os.uname().nodename
