"""SIGKILL of a worker."""

from __future__ import annotations

from random import Random

from ..scene import WhileRunning
from ..stage import Clients, Stage


class WorkerKilled(WhileRunning):
    name = "worker killed"

    async def strike(self, stage: Stage, clients: Clients, moments: Random) -> None:
        moments.choice(stage.workers).replace()
