"""Runs stopped at random moments, at once or at the next boundary; each is continued, until it comes to its end."""

from __future__ import annotations

import asyncio
from random import Random

from perdure import CancelAction, RunsFacade, RunStatus

from ..client import follow_until, patiently
from ..contract import Trial
from ..stage import Stage
from ..verdict import End, judge_end, judge_story
from ..wild import WildRun, random_run

_STOPPED = End(RunStatus.INTERRUPTED, "cancel", CancelAction.INTERRUPT)


class RunStopped:
    """`at_boundary`: by `interrupt` instead of `cancel`."""

    def __init__(self, *, at_boundary: bool) -> None:
        self.name = "run interrupted" if at_boundary else "run cancelled"
        self._at_boundary = at_boundary

    async def play(self, stage: Stage, trial: Trial) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(trial.size):
                first = random_run(f"{trial.name}-{number}", trial.folder, f"{trial.seed}/{number}")
                group.create_task(self._play_thread(stage.runs, trial, first))

    async def _play_thread(self, runs: RunsFacade, trial: Trial, first: WildRun) -> None:
        chain, moments = [first], Random(first.seed)
        while await self._stopped(runs, trial, chain[-1], moments, last=len(chain) >= trial.most):
            chain.append(await _next(runs, first, len(chain)))
        trial.runs += len(chain)
        wrong = await judge_story(runs, chain)
        trial.blame(f"{first.run_id}, {len(chain)} in a row (graph {first.seed})", wrong)

    async def _stopped(self, runs: RunsFacade, trial: Trial, run: WildRun, moments: Random, *, last: bool) -> bool:
        """Let the run go, stop it on its way; whether it was in time."""
        following = await follow_until(runs, run, moments.randint(1, 30_000))
        stopped = not last and await patiently(lambda: self._stop(runs, run.run_id))
        trial.faults += stopped
        await following
        record = await runs.get_run(run.run_id)
        if self._at_boundary and record is not None and record.status is RunStatus.SUCCESS:
            stopped = False  # there was no boundary any more
        trial.blame(run.run_id, await judge_end(runs, run, _STOPPED if stopped else End()))
        return stopped

    async def _stop(self, runs: RunsFacade, run_id: str) -> bool:
        return await (runs.interrupt if self._at_boundary else runs.cancel)(run_id)


async def _next(runs: RunsFacade, first: WildRun, number: int) -> WildRun:
    """Goes on where the thread stands; begins again if no input was saved, which no event shows."""
    begun = await patiently(lambda: runs.get_state(first.thread_id, stored=True)) is not None
    return first.model_copy(update={"run_id": f"{first.run_id}-{number}", "goes_on": begun})
