"""SIGTERM of a worker, as a rolling restart does it."""

from __future__ import annotations

import asyncio
from random import Random

from ..scene import WhileRunning
from ..stage import Clients, Stage


class WorkerStopped(WhileRunning):
    name = "worker stopped"

    async def strike(self, stage: Stage, clients: Clients, moments: Random) -> None:
        worker = moments.choice(stage.workers)
        await asyncio.to_thread(worker.stop)
        worker.start()
