"""Why runs were tried again, as Temporal has it."""

from __future__ import annotations

from collections.abc import Iterable

from temporalio.client import Client

from perdure import RunRecord, Settings
from perdure.contracts.wire import run_workflow_id


async def takeovers(settings: Settings, records: Iterable[RunRecord]) -> list[str]:
    """A line for each slice of these runs that needed another attempt."""
    client = await Client.connect(str(settings.temporal.address))
    found: list[str] = []
    for record in records:
        if record.attempt == 1:
            continue
        history = await client.get_workflow_handle(run_workflow_id(record.run_id)).fetch_history()
        failures = [event.activity_task_started_event_attributes.last_failure for event in history.events]
        reasons = [f"{failure.message} {failure.cause.message}".strip() for failure in failures if failure.message]
        found.append(f"{record.run_id} (run {record.sequence} of its thread): attempt {record.attempt}, {reasons}")
    return found
