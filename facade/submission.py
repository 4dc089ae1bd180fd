"""How a run reaches Temporal: through its thread's workflow, or directly when it has its thread to itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.service import RPCError, RPCStatusCode

from ..contracts.errors import NoWorkerError
from ..contracts.settings import TemporalSettings
from ..contracts.types import RunStatus
from ..contracts.wire import (
    RUN_WORKFLOW,
    SEARCH_ASSISTANT_ID,
    SEARCH_RUN_STATUS,
    SEARCH_THREAD_ID,
    THREAD_WORKFLOW,
    UPDATE_SUBMIT,
    Admission,
    ThreadInput,
    run_workflow_id,
    thread_workflow_id,
)
from .planner import RunPlan
from .translation import translated

_POLLERS_KNOWN_FOR = 60.0
"""Seconds for which a worker that was seen is taken to be there still. If it has gone, the submission waits."""

PollersCheck = Callable[[Client, str], Awaitable[bool]]


class Submitter:
    """Submits runs of one facade."""

    def __init__(self, settings: TemporalSettings, workers_polling: PollersCheck) -> None:
        self._settings = settings
        self._workers_polling = workers_polling
        self._seen = float("-inf")

    async def wait_for_worker(self, client: Client) -> None:
        """Return once a worker polls the task queue. Raises `NoWorkerError` after `submit_timeout`."""
        began = time.monotonic()
        while time.monotonic() - self._seen > _POLLERS_KNOWN_FOR:
            if await self._workers_polling(client, self._settings.task_queue):
                self._seen = time.monotonic()
            elif time.monotonic() - began > self._settings.submit_timeout:
                raise NoWorkerError(self._settings.task_queue, self._settings.submit_timeout)
            else:
                await asyncio.sleep(0.2)

    async def submit(self, client: Client, plan: RunPlan) -> Admission:
        """Raises `ThreadBusyError`, `NoWorkerError` or another `UnavailableError`; safe to repeat after the latter."""
        with translated(self._settings, run_id=plan.run_id, thread_id=plan.record.thread_id):
            if plan.alone:
                return await self._start(client, plan)
            try:
                return await self._update(client, plan)
            except RPCError as exc:
                # Seen while a thread continues as new: the update was not executed. (Facts: Temporal.)
                if exc.status is not RPCStatusCode.FAILED_PRECONDITION:
                    raise
                return await self._update(client, plan)

    async def _update(self, client: Client, plan: RunPlan) -> Admission:
        thread_id = plan.record.thread_id
        # The operation is for one call only. So is the update's id, which is left to the client: a refusal must not
        # be remembered for the next try, and a run that was admitted is known to its thread by its own id.
        start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            THREAD_WORKFLOW,
            ThreadInput(thread_id=thread_id),
            id=thread_workflow_id(thread_id),
            task_queue=self._settings.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=_attributes({SEARCH_THREAD_ID: thread_id}),
            static_summary=f"thread {thread_id}",
        )
        return await client.execute_update_with_start_workflow(
            UPDATE_SUBMIT,
            plan.submission,
            start_workflow_operation=start,
            result_type=Admission,
            rpc_timeout=timedelta(seconds=self._settings.submit_timeout),
        )

    async def _start(self, client: Client, plan: RunPlan) -> Admission:
        record = plan.record
        await client.start_workflow(
            RUN_WORKFLOW,
            plan.as_input(),
            id=run_workflow_id(record.run_id),
            task_queue=self._settings.task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            search_attributes=_attributes(
                {
                    SEARCH_THREAD_ID: record.thread_id,
                    SEARCH_ASSISTANT_ID: record.assistant_id,
                    SEARCH_RUN_STATUS: RunStatus.PENDING.value,
                }
            ),
            static_summary=plan.submission.summary,
        )
        return Admission(run_id=record.run_id, sequence=1)


def _attributes(values: dict[str, str]) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [SearchAttributePair(SearchAttributeKey.for_keyword(name), value) for name, value in values.items()]
    )
