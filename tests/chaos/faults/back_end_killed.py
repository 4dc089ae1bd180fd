"""Postgres or Redis dies and is started again over its files, or over what a power cut has left of them."""

from __future__ import annotations

import asyncio
import signal
from random import Random

from ..losses import judge_losses
from ..scene import WhileRunning
from ..stage import Clients, Stage
from ..wild import WildRun

_AWAY = (0.0, 1.0, 4.0)
"""Seconds."""


class PostgresKilled(WhileRunning):
    """A crash of the server: every connection is cut, and what was not committed is gone."""

    name = "postgres killed"

    async def strike(self, stage: Stage, clients: Clients, moments: Random) -> None:
        assert stage.postgres is not None
        await asyncio.to_thread(stage.postgres.stop, signal.SIGQUIT)
        await asyncio.sleep(moments.choice(_AWAY))
        await asyncio.to_thread(stage.postgres.start)


class RedisKilled(WhileRunning):
    name = "redis killed"

    async def strike(self, stage: Stage, clients: Clients, moments: Random) -> None:
        assert stage.redis is not None
        await asyncio.to_thread(stage.redis.kill)
        await asyncio.sleep(moments.choice(_AWAY))
        await asyncio.to_thread(stage.redis.start)

    async def judge(self, stage: Stage, run: WildRun) -> list[str]:
        return await judge_losses(stage.runs, run, lost=False)


class RedisSetBack(WhileRunning):
    """What it was told in its newest second is gone, answered or not."""

    name = "redis set back"

    async def strike(self, stage: Stage, clients: Clients, moments: Random) -> None:
        assert stage.redis is not None
        written = stage.redis.written()
        await asyncio.sleep(1.0)
        await asyncio.to_thread(stage.redis.lose, written)

    async def judge(self, stage: Stage, run: WildRun) -> list[str]:
        return await judge_losses(stage.runs, run)
