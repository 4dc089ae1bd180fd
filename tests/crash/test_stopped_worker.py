"""A worker stopped with SIGTERM hands its runs on at the next superstep boundary."""

from __future__ import annotations

import asyncio
from pathlib import Path

from support.story import STORY, story_spec, uninterrupted, violations
from support.workers import WorkerProcess

from perdure import RunsFacade, RunStatus, Settings, StreamEvent

ROUNDS = 4
RUNS = 3


async def test_nothing_is_cut_and_nothing_is_lost(runs: RunsFacade, settings: Settings, tmp_path: Path) -> None:
    expected = await uninterrupted(tmp_path, rounds=ROUNDS)
    worker, busy = WorkerProcess(settings, STORY), asyncio.Event()

    async def follow(number: int) -> tuple[str, list[StreamEvent]]:
        spec = story_spec(f"t{number}-{tmp_path.name}", tmp_path / f"effects-{number}", rounds=ROUNDS, delay=0.25)
        record, stream = await runs.create_and_stream(spec)
        events: list[StreamEvent] = []
        async for event in stream:
            events.append(event)
            if event.event == "values" and event.data["log"]:
                busy.set()
        return record.run_id, events

    try:
        async with asyncio.TaskGroup() as group:
            streams = [group.create_task(follow(number)) for number in range(RUNS)]
            await busy.wait()
            assert await asyncio.to_thread(worker.stop) == 0
            unfinished = [await runs.get_run(record.run_id) for record in await runs.list_runs()]
            assert any(record is not None and record.status is RunStatus.RUNNING for record in unfinished)
            worker = WorkerProcess(settings, STORY)
        for number, stream in enumerate(streams):
            run_id, events = stream.result()
            wrong = violations(events, expected, tmp_path / f"effects-{number}")
            assert not wrong, "\n".join([run_id, *wrong])
            attempts = [event.data["attempt"] for event in events if event.event == "metadata"]
            assert attempts == [1], "a superstep was cut although it could have ended"
    finally:
        worker.kill()
