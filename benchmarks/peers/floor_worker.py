"""The worker of the floor: a program of its own."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker


@activity.defn
async def wait(delay: float) -> None:
    if delay:
        await asyncio.sleep(delay)


@workflow.defn
class Floor:
    @workflow.run
    async def run(self, steps: int, delay: float) -> None:
        for _ in range(steps):
            await workflow.execute_activity(wait, delay, start_to_close_timeout=timedelta(seconds=10))


async def main(address: str, queue: str) -> None:
    """Serve until killed."""
    client = await Client.connect(address)
    await Worker(client, task_queue=queue, workflows=[Floor], activities=[wait], build_id="bench").run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
