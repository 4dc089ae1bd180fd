"""Whether workers live: Temporal lists a killed one among the pollers of its task queue for a minute and more."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from ..contracts.wire import PROBE_WORKFLOW

ANSWER_LIMIT = 5.0
"""Seconds for a worker to answer: its event loop may be busy, and Temporal may have kept the way to a dead one."""
_LEFT = timedelta(seconds=30)
"""After which Temporal ends a probe that nobody answers, should nobody do it before."""


async def worker_answers(client: Client, task_queue: str, *, limit: float = ANSWER_LIMIT) -> bool:
    """Whether a worker takes a task from the task queue, within `limit` seconds. Raises `RPCError`."""
    probe = await client.start_workflow(
        PROBE_WORKFLOW,
        id=f"probe-{uuid.uuid4()}",
        task_queue=task_queue,
        execution_timeout=_LEFT,
        static_summary="perdure doctor asks whether a worker answers",
    )
    try:
        async with asyncio.timeout(limit):
            await probe.result()
    except TimeoutError:
        # One of another version does not know the workflow: it has taken the task nevertheless.
        answered = await _was_taken(probe)
        await probe.terminate("nobody has answered")
        return answered
    return True


async def _was_taken(probe: WorkflowHandle[object, object]) -> bool:
    try:
        return any(
            [event.event_type == _FAILED async for event in probe.fetch_history_events()],
        )
    except RPCError:
        return False


_FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
