"""SIGSTOP of a worker for longer than its heartbeat timeout, so that others take its runs over; then it wakes."""

from __future__ import annotations

import asyncio
from random import Random

from ..scene import WhileRunning
from ..stage import Clients, Stage


class WorkerFrozen(WhileRunning):
    name = "worker frozen"

    async def strike(self, stage: Stage, clients: Clients, moments: Random) -> None:
        worker, timeout = moments.choice(stage.workers), stage.settings.runs.heartbeat_timeout
        worker.freeze()
        try:
            await asyncio.sleep(timeout * moments.uniform(1.1, 2.5))
        finally:
            worker.thaw()
