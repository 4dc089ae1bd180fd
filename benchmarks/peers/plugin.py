"""`temporalio-langgraph`: each node an activity, the graph's state in the workflow's history."""

from __future__ import annotations

import sys
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.client import Client

from ..figures import PLUGIN
from ..graphs import Count
from ..ours import Ours
from ..processes import child
from ..systems import Moments, Stopwatch

QUEUE = "plugin"


class Plugin:
    """It has no thread, and streams only what nodes write themselves."""

    name = PLUGIN
    streams = False

    def __init__(self, client: Client, pids: Mapping[str, int]) -> None:
        self.client = client
        self.pids = pids

    async def follow(self, steps: int, delay: float = 0.0) -> Moments:
        watch = Stopwatch()
        await self.execute(f"plugin-{uuid.uuid4()}", steps, delay)
        watch.tick()
        return watch.moments

    async def execute(self, workflow_id: str, steps: int, delay: float) -> None:
        """A run under a workflow id of the caller's choice."""
        given = Count(total=0, steps=steps, delay=delay)
        await self.client.execute_workflow("Counting", given, id=workflow_id, task_queue=QUEUE)


@asynccontextmanager
async def plugin(home: Path, ours: Ours) -> AsyncGenerator[Plugin]:
    """On the server that ours uses too, with a worker of its own."""
    command = [sys.executable, "-m", "benchmarks.peers.plugin_worker", ours.address, QUEUE]
    async with child(command, home / "plugin.log") as worker:
        system = Plugin(await Client.connect(ours.address), {**ours.pids, "worker": worker.pid})
        await system.follow(1)
        yield system
