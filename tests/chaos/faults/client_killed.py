"""Clients killed half way through a submission or an answer; others repeat it with the same run ids."""

from __future__ import annotations

import asyncio
from random import Random

from ..scene import WhileRunning
from ..stage import Clients, Stage


class ClientKilled(WhileRunning):
    name = "client killed"

    async def strike(self, stage: Stage, clients: Clients, moments: Random) -> None:
        await clients.kill()
        await clients.start()
        if moments.random() < 0.5:  # once more, before it has come far
            await asyncio.sleep(moments.uniform(0.7, 1.5))
            await clients.kill()
            await clients.start()
