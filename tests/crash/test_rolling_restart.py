"""All workers replaced one by one while a dozen runs go: with SIGTERM, then with SIGKILL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path

from chaos.client import follow
from chaos.journal import read_journal
from chaos.stage import Stage
from chaos.verdict import judge
from chaos.wild import WildRun
from support.servers import until
from support.workers import WorkerProcess

from perdure import RunsFacade

RUNS = 12
"""At a time."""
SEEDS = (0, 4, 7, 15, 18, 27, 32, 44)


def _terminate(worker: WorkerProcess) -> None:
    worker.stop()
    worker.start()


def _run(lane: int, number: int, folder: Path) -> WildRun:
    # Without functions that call graphs: what becomes of these is in `test_cut_function`.
    name, seed = f"rolling-{lane}-{number}", f"rolling {SEEDS[(lane + number) % len(SEEDS)]}"
    return WildRun(
        seed=seed, run_id=name, thread_id=name, folder=folder, blocks=1, pace=0.5, functions=False,
        subgraphs=False,
    )  # fmt: skip


class Lanes:
    """One run after the other in each of `RUNS` lanes, so that they are under way for as long as it takes."""

    def __init__(self, runs: RunsFacade, folder: Path) -> None:
        self._runs = runs
        self._folder = folder
        self.begun: list[WildRun] = []
        self.over = False

    async def follow(self, lane: int) -> None:
        for number in count():
            run = _run(lane, number, self._folder)
            self.begun.append(run)
            await follow(self._runs, run)
            if self.over:
                return


async def _replace_all(workers: list[WorkerProcess], replace: Callable[[WorkerProcess], None]) -> None:
    for worker in workers:
        serving = worker.log.read_text().count("serving")
        await asyncio.to_thread(replace, worker)
        await until(lambda: worker.log.read_text().count("serving") > serving)  # noqa: B023


async def test_every_run_completes(installation: Stage, tmp_path: Path) -> None:
    lanes = Lanes(installation.runs, tmp_path)
    async with asyncio.TaskGroup() as group:
        for lane in range(RUNS):
            group.create_task(lanes.follow(lane))
        await until(lambda: len(lanes.begun) >= RUNS and all(read_journal(run.journal) for run in lanes.begun))
        await _replace_all(installation.workers, _terminate)
        await _replace_all(installation.workers, WorkerProcess.replace)
        lanes.over = True
    wrong = {run.run_id: found for run in lanes.begun if (found := await judge(installation.runs, run))}
    assert wrong == {}
