"""Every fault, each in a module of its own."""

from __future__ import annotations

from ..contract import Fault
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

ALL: tuple[Fault, ...] = (
    WorkerKilled(),
    WorkerStopped(),
    WorkerFrozen(),
    ServerKilled(),
    EverythingKilled(),
    FileLocked("bridge"),
    FileLocked("store"),
    FileLocked("checkpoints"),
    ClientKilled(),
    RunStopped(at_boundary=False),
    RunStopped(at_boundary=True),
    RunRolledBack(),
    Overlap(),
)
