"""A submission that Temporal cannot take just now is repeated, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from support.graphs import count_to
from temporalio import workflow
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

import perdure
from perdure import RunSpec, Settings, UnavailableError
from perdure.contracts.wire import THREAD_WORKFLOW, UPDATE_SUBMIT, thread_workflow_id
from perdure.contracts.workers import WorkerRecord
from perdure.runtime.connection import connect_temporal
from perdure.store import open_store

calls: list[str] = []


@workflow.defn(name=THREAD_WORKFLOW)
class Stuck:
    """A thread whose workflow tasks fail."""

    @workflow.run
    async def run(self, _: Any) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.update(name=UPDATE_SUBMIT)
    def submit(self, _: Any) -> None:
        calls.append("submit")
        raise RuntimeError("this fails the workflow task, and Temporal aborts the update")


async def test_it_is_repeated_and_asyncio_has_nothing_to_report(
    settings: Settings, spec: Callable[..., RunSpec]
) -> None:
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    settings = settings.model_copy(update={"temporal": settings.temporal.model_copy(update={"submit_timeout": 2.0})})
    client = await connect_temporal(settings)
    queue = settings.temporal.task_queue
    stuck = Worker(client, task_queue=queue, workflows=[Stuck], workflow_runner=UnsandboxedWorkflowRunner())
    store = open_store(settings.store_url)
    await store.start()
    now = datetime.now(UTC)
    await store.workers.announce(
        WorkerRecord(worker_id="w", task_queue=queue, name="w", graphs={"counting": None}, started_at=now, seen_at=now)
    )
    await store.close()
    calls.clear()
    async with stuck, perdure.connect(settings=settings) as runs:
        wanted = spec("counting", input=count_to(1))
        thread_id = thread_workflow_id(wanted.scope.thread_id or "")
        await client.start_workflow(THREAD_WORKFLOW, None, id=thread_id, task_queue=queue)  # else it need not be asked
        submitting = asyncio.create_task(runs.create_background(wanted))
        await asyncio.wait([submitting])
        assert isinstance(submitting.exception(), UnavailableError)
        del submitting
        gc.collect()  # the error of a future that nobody has asked for is reported when that is thrown away
    assert len(calls) > 1
    assert reported == []
