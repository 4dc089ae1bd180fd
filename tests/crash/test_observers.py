"""Workers killed with SIGKILL while they tell a required observer: it is told of everything, in order."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from support.servers import until
from support.story import STORY, story_spec
from support.workers import environment

from perdure import RunsFacade, RunStatus, Settings

RUNS = 4
KILLS = 2
PROGRAM = Path(__file__).with_name("observed_worker.py")


class ObservedWorker:
    """`observed_worker.py` as a process."""

    def __init__(self, env: Mapping[str, str], told: Path) -> None:
        self._start = lambda: subprocess.Popen([sys.executable, PROGRAM, told], env=env)
        self._process = self._start()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def replace(self) -> None:
        self.kill()
        self._process = self._start()


def lines(told: Path) -> list[list[str]]:
    """Whole lines: run, sequence, id and type."""
    text = told.read_text() if told.exists() else ""
    return [line.split() for line in text.splitlines() if line.count(" ") == 3]


async def test_no_event_is_lost_on_a_required_observer(runs: RunsFacade, settings: Settings, tmp_path: Path) -> None:
    told = tmp_path / "told"
    worker = ObservedWorker(environment(settings, STORY), told)
    specs = [
        story_spec(f"t{n}-{tmp_path.name}", tmp_path / f"{n}", rounds=1, delay=0.02 + n * 0.1) for n in range(RUNS)
    ]
    try:
        ids = [record.run_id for record in await asyncio.gather(*map(runs.create_background, specs))]

        async def another_end() -> bool:
            """A run has ended, and the observer has not heard of it yet."""
            ended = {run.run_id for run in await runs.list_runs() if run.status is RunStatus.SUCCESS}
            return bool(ended - {run_id for run_id, *_, kind in lines(told) if kind == "run_completed"})

        for _ in range(KILLS):
            await until(another_end)
            worker.replace()

        async def all_told() -> bool:
            return {run_id for run_id, *_, kind in lines(told) if kind == "run_completed"} == {*ids}

        await until(all_told, 60)
    finally:
        worker.kill()
    for run_id in ids:
        heard = [(int(sequence), event_id) for run, sequence, event_id, _ in lines(told) if run == run_id]
        first = [event for number, event in enumerate(heard) if event not in heard[:number]]
        assert first == [(number, f"{run_id}:{number}") for number in range(1, len(first) + 1)], heard
