"""A worker killed in a slice of a graph that it held, before its first heartbeat: the next one takes over at once."""

from __future__ import annotations

from pathlib import Path

from support.servers import until
from support.story import STORY, story_spec
from support.workers import WorkerProcess
from temporalio.client import Client

from perdure import RunsFacade, RunStatus, Settings
from perdure.contracts.settings import RunSettings
from perdure.contracts.types import METADATA_EVENT
from perdure.contracts.wire import ACTIVITY_RUN_SUPERSTEPS, run_workflow_id


async def test_the_one_that_is_left_takes_over(runs: RunsFacade, settings: Settings, tmp_path: Path) -> None:
    # A heartbeat each half second: none comes from a slice of one superstep.
    settings = settings.model_copy(update={"runs": RunSettings(heartbeat_timeout=2.0, slice_budget=0.0)})
    effects = tmp_path / "effects"
    effects.touch()
    first = WorkerProcess(settings, STORY)
    record = await runs.create_background(story_spec(f"t-{settings.temporal.task_queue}", effects, rounds=2, delay=0.2))
    await until(lambda: bool(effects.read_text()))
    second = WorkerProcess(settings, STORY)
    try:
        await until(lambda: "think-2 begins" in effects.read_text())
        first.kill()
        assert (await runs.join_wait(record.run_id)).status is RunStatus.SUCCESS
    finally:
        first.kill()
        second.kill()
    events = [event async for event in await runs.join_stream(record.run_id)]
    assert [event.data["attempt"] for event in events if event.event == METADATA_EVENT] == [1, 2]
    assert await _queues_of_slices(settings, record.run_id) == {settings.temporal.task_queue}


async def _queues_of_slices(settings: Settings, run_id: str) -> set[str]:
    client = await Client.connect(str(settings.temporal.address))
    history = await client.get_workflow_handle(run_workflow_id(run_id)).fetch_history()
    scheduled = [event.activity_task_scheduled_event_attributes for event in history.events]
    return {one.task_queue.name for one in scheduled if one.activity_type.name == ACTIVITY_RUN_SUPERSTEPS}
