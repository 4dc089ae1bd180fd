"""Temporal alone: a workflow with an activity for each step, started and awaited with the plain client."""

from __future__ import annotations

import sys
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.client import Client

from ..figures import FLOOR
from ..ours import Ours
from ..processes import child
from ..systems import Moments, Stopwatch

QUEUE = "floor"


class Floor:
    """It has no state, no stream and no thread."""

    name = FLOOR
    streams = False

    def __init__(self, client: Client, pids: Mapping[str, int]) -> None:
        self._client = client
        self.pids = pids

    async def follow(self, steps: int, delay: float = 0.0) -> Moments:
        watch = Stopwatch()
        await self._client.execute_workflow("Floor", args=[steps, delay], id=f"floor-{uuid.uuid4()}", task_queue=QUEUE)
        watch.tick()
        return watch.moments


@asynccontextmanager
async def floor(home: Path, ours: Ours) -> AsyncGenerator[Floor]:
    """On the server that ours uses too, with a worker of its own."""
    command = [sys.executable, "-m", "benchmarks.peers.floor_worker", ours.address, QUEUE]
    async with child(command, home / "floor.log") as worker:
        system = Floor(await Client.connect(ours.address), {**ours.pids, "worker": worker.pid})
        await system.follow(1)
        yield system
