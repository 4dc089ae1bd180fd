"""Servers, workers and clients die at the same moment; all of it is started again."""

from __future__ import annotations

import asyncio
import signal
from random import Random

from ..losses import judge_losses
from ..scene import WhileRunning
from ..stage import Clients, Stage
from ..wild import WildRun


class EverythingKilled(WhileRunning):
    name = "everything killed"

    async def strike(self, stage: Stage, clients: Clients, moments: Random) -> None:
        for worker in stage.workers:
            worker.kill()
        await stage.kill_server()
        await clients.kill()
        await asyncio.to_thread(self._restart_back_ends, stage)
        await stage.start_server()
        for worker in stage.workers:
            worker.start()
        await clients.start()

    async def judge(self, stage: Stage, run: WildRun) -> list[str]:
        if stage.redis is None:
            return await super().judge(stage, run)
        return await judge_losses(stage.runs, run, lost=False)

    def _restart_back_ends(self, stage: Stage) -> None:
        if stage.postgres is not None:
            stage.postgres.stop(signal.SIGQUIT)
            stage.postgres.start()
        if stage.redis is not None:
            stage.redis.restart()
