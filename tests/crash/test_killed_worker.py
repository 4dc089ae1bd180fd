"""A worker killed with SIGKILL: the run goes on elsewhere, nothing repeats, nothing is lost."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from support.servers import until
from support.story import STORY, story_spec, uninterrupted, violations
from support.workers import WorkerProcess

from perdure import RunsFacade, RunStatus, Settings, StreamEvent

RUNS = 6
ROUNDS = 5


async def _stream(runs: RunsFacade, number: int, folder: Path, *, subgraphs: bool) -> tuple[str, list[StreamEvent]]:
    spec = story_spec(
        f"story-{number}-{folder.name}",
        folder / f"effects-{number}",
        rounds=ROUNDS,
        delay=0.05 + 0.03 * number,
        subgraphs=subgraphs,
    )
    record, stream = await runs.create_and_stream(spec)
    return record.run_id, [event async for event in stream]


async def _submitted(runs: RunsFacade) -> bool:
    return len(await runs.list_runs()) == RUNS


@pytest.mark.parametrize("subgraphs", [False, True], ids=["root", "subgraphs"])
async def test_runs_survive_kills_at_random_moments(
    runs: RunsFacade, settings: Settings, tmp_path: Path, subgraphs: bool
) -> None:
    expected = await uninterrupted(tmp_path, rounds=ROUNDS, subgraphs=subgraphs)
    moments = random.Random(tmp_path.name)
    worker = WorkerProcess(settings, STORY)
    try:
        async with asyncio.TaskGroup() as group:
            streams = [
                group.create_task(_stream(runs, number, tmp_path, subgraphs=subgraphs)) for number in range(RUNS)
            ]
            await until(lambda: _submitted(runs))
            for _ in range(3):
                await asyncio.wait(streams, timeout=moments.uniform(0.3, 2.5))
                worker.replace()
        attempts = 0
        for number, stream in enumerate(streams):
            run_id, events = stream.result()
            wrong = violations(events, expected, tmp_path / f"effects-{number}")
            assert not wrong, "\n".join([run_id, *wrong])
            record = await runs.get_run(run_id)
            assert record is not None
            assert record.status is RunStatus.SUCCESS
            assert record.attempt == sum(event.event == "metadata" for event in events)
            attempts += record.attempt
        assert attempts > RUNS, "no kill has hit a run; the test shows nothing"
    finally:
        worker.kill()
