"""What a run leaves in Temporal's history, as the server counts it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

_ACTIONS = (
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
    EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
    EventType.EVENT_TYPE_TIMER_STARTED,
    EventType.EVENT_TYPE_MARKER_RECORDED,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
)
"""Events that Temporal Cloud bills, or nearly so; heartbeats and retries are not in a history and come on top."""
_LIMIT = 10.0
"""Seconds within which a workflow comes to rest."""
_PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class History:
    """Of one workflow execution."""

    events: int
    bytes: int
    actions: int


async def history(client: Client, workflow_id: str) -> History:
    """Of the newest execution under this id, once it has nothing to do: a run's end is known before its workflow's.

    Raises `RPCError` for an unknown one, and `TimeoutError`.
    """
    handle = client.get_workflow_handle(workflow_id)
    async with asyncio.timeout(_LIMIT):
        while not _at_rest(events := await _events(handle)):  # noqa: ASYNC110 – nobody tells
            await asyncio.sleep(_PAUSE)
    kinds = Counter(events)
    size = (await handle.describe()).raw_description.workflow_execution_info.history_size_bytes
    return History(kinds.total(), size, sum(kinds[kind] for kind in _ACTIONS))


async def _events(handle: WorkflowHandle[Any, Any]) -> list[EventType.ValueType]:
    return [event.event_type async for event in handle.fetch_history_events()]


def _at_rest(events: Sequence[EventType.ValueType]) -> bool:
    """No workflow task is under way, no activity and no child."""
    begun = events.count(EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED)
    ended = events.count(EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED)
    return begun == ended and events[-1] not in (
        EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED,
    )
