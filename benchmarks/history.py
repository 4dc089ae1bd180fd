"""What a run leaves in Temporal's history, as the server counts it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

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


@dataclass(frozen=True, slots=True)
class History:
    """Of one workflow execution."""

    events: int
    bytes: int
    actions: int


async def history(client: Client, workflow_id: str) -> History:
    """Of the newest execution under this id. Raises `RPCError` for an unknown one."""
    handle = client.get_workflow_handle(workflow_id)
    description = await handle.describe()
    kinds = Counter([event.event_type async for event in handle.fetch_history_events()])
    size = description.raw_description.workflow_execution_info.history_size_bytes
    return History(kinds.total(), size, sum(kinds[kind] for kind in _ACTIONS))
