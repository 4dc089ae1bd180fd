"""SIGKILL of the Temporal server, and a new one over its database."""

from __future__ import annotations

import asyncio
from random import Random

from ..scene import WhileRunning
from ..stage import Clients, Stage


class ServerKilled(WhileRunning):
    name = "server killed"

    async def strike(self, stage: Stage, clients: Clients, moments: Random) -> None:
        await stage.kill_server()
        await asyncio.sleep(moments.choice((0.0, 1.0, 4.0)))
        await stage.start_server()
