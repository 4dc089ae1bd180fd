"""Every fault, each in a module of its own."""

from __future__ import annotations

from support.back_ends import POSTGRES, POSTGRES_AND_REDIS, SQLITE

from ..contract import Fault
from .back_end_killed import PostgresKilled, RedisKilled, RedisSetBack
from .client_killed import ClientKilled
from .everything_killed import EverythingKilled
from .file_locked import FileLocked
from .overlap import Overlap
from .run_rolled_back import RunRolledBack
from .run_stopped import RunStopped
from .server_killed import ServerKilled
from .worker_frozen import WorkerFrozen
from .worker_killed import WorkerKilled
from .worker_stopped import WorkerStopped

_EVERYWHERE: tuple[Fault, ...] = (
    WorkerKilled(),
    WorkerStopped(),
    WorkerFrozen(),
    ServerKilled(),
    EverythingKilled(),
    ClientKilled(),
    RunStopped(at_boundary=False),
    RunStopped(at_boundary=True),
    RunRolledBack(),
    Overlap(),
)

_OF_BACK_ENDS: dict[str, tuple[Fault, ...]] = {
    SQLITE: (FileLocked("bridge"), FileLocked("store"), FileLocked("checkpoints")),
    POSTGRES: (PostgresKilled(),),
    POSTGRES_AND_REDIS: (PostgresKilled(), RedisKilled(), RedisSetBack()),
}


def faults_of(back_ends: str) -> tuple[Fault, ...]:
    """All that can go wrong with these back ends."""
    return (*_EVERYWHERE, *_OF_BACK_ENDS[back_ends])
