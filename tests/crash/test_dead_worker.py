"""A worker whose process has ended is known to be dead: nobody waits for its heartbeat."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.servers import until
from support.story import STORY, story_spec
from support.workers import WorkerProcess

from perdure import RunsFacade, RunStatus, Settings
from perdure.contracts.settings import RunSettings
from perdure.contracts.types import METADATA_EVENT
from perdure.runtime.worker_lock import dead_workers, worker_lock


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A heartbeat that nobody could wait for here."""
    return settings.model_copy(update={"runs": RunSettings(heartbeat_timeout=600.0, slice_budget=0.0)})


async def test_its_runs_go_on_at_once(runs: RunsFacade, settings: Settings, tmp_path: Path) -> None:
    """Those that it executes, that it holds, and one whose thread's workflow it has cached."""
    first, effects = WorkerProcess(settings, STORY), [tmp_path / f"effects-{number}" for number in range(3)]
    for file in effects:
        file.touch()
    specs = [
        story_spec(f"t-{number}-{settings.temporal.task_queue}", file, rounds=2, delay=0.3)
        for number, file in enumerate(effects)
    ]
    records = [await runs.create_background(spec) for spec in specs]
    await until(lambda: all("think-2 begins" in file.read_text() for file in effects))
    second = WorkerProcess(settings, STORY)
    try:
        first.kill()
        results = [await runs.join_wait(record.run_id) for record in records]
    finally:
        first.kill()
        second.kill()
    assert [result.status for result in results] == [RunStatus.SUCCESS] * 3
    for record in records:
        events = [event async for event in await runs.join_stream(record.run_id)]
        assert [event.data["attempt"] for event in events if event.event == METADATA_EVENT] == [1, 2]


async def test_the_next_worker_finds_those_of_one_that_died_alone(
    runs: RunsFacade, settings: Settings, tmp_path: Path
) -> None:
    effects = tmp_path / "effects"
    effects.touch()
    worker = WorkerProcess(settings, STORY)
    record = await runs.create_background(story_spec(f"t-{settings.temporal.task_queue}", effects, rounds=2, delay=0.3))
    await until(lambda: "think-2 begins" in effects.read_text())
    worker.kill()
    worker.replace()
    try:
        assert (await runs.join_wait(record.run_id)).status is RunStatus.SUCCESS
    finally:
        worker.kill()


async def test_a_frozen_one_is_not_dead(runs: RunsFacade, settings: Settings, tmp_path: Path) -> None:
    effects = tmp_path / "effects"
    effects.touch()
    worker = WorkerProcess(settings, STORY)
    try:
        await runs.create_background(story_spec(f"t-{settings.temporal.task_queue}", effects, rounds=2, delay=0.3))
        await until(lambda: bool(effects.read_text()))
        worker.freeze()
        assert [*dead_workers(settings.home)] == []
        worker.kill()
        await until(lambda: _told(settings.home))
        assert _told(settings.home), "who failed over it has left it to others"
        assert len([*dead_workers(settings.home)]) == 1
        assert [*dead_workers(settings.home)] == [], "it is told once"
    finally:
        worker.kill()


def _told(home: Path) -> bool:
    """To somebody who fails before the next one."""
    found = dead_workers(home)
    told = next(found, None) is not None
    found.close()
    return told


@pytest.mark.parametrize(
    ("of", "left"), [({"machine": "another"}, 1), ({"boot": "before"}, 0)], ids=["another machine", "before a restart"]
)
def test_what_proves_nothing_is_not_told(tmp_path: Path, of: dict[str, str], left: int) -> None:
    with worker_lock(tmp_path, "w"):
        (file,) = (tmp_path / "workers").iterdir()
        note = {**json.loads(file.read_text()), **of}
    (tmp_path / "workers" / "left.lock").write_text(json.dumps(note))
    assert [*dead_workers(tmp_path)] == []
    assert len([*(tmp_path / "workers").iterdir()]) == left


def test_one_that_stops_says_so(tmp_path: Path) -> None:
    with worker_lock(tmp_path, "alive"):
        assert [*dead_workers(tmp_path)] == []
    assert [*dead_workers(tmp_path)] == []
