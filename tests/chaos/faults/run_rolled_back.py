"""Runs rolled back at random moments: their thread reads as before, row by row, and goes on from there."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from support.rows import thread_rows

from perdure import CancelAction, RunsFacade, RunStatus, Settings

from ..client import follow, follow_until, patiently
from ..contract import Trial
from ..reference import reference
from ..stage import Stage
from ..verdict import End, judge_end
from ..wild import WildRun, random_run

_INTERRUPTED = End(RunStatus.INTERRUPTED, "cancel", CancelAction.INTERRUPT)
_ROLLED_BACK = End(RunStatus.ROLLED_BACK, "cancel", CancelAction.ROLLBACK)


class RunRolledBack:
    name = "run rolled back"

    async def play(self, stage: Stage, trial: Trial) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(trial.size):
                run = random_run(f"{trial.name}-{number}", trial.folder, f"{trial.seed}/{number}")
                group.create_task(_Thread(stage, trial, run).play())


class _Thread:
    """One thread: a run that is cancelled half way, one that is rolled back, and one that ends."""

    def __init__(self, stage: Stage, trial: Trial, first: WildRun) -> None:
        self._runs: RunsFacade = stage.runs
        self._settings = stage.settings
        self._trial = trial
        self._first = first
        self._moments = Random(first.seed)

    async def play(self) -> None:
        begun = False
        if self._moments.random() < 0.7:
            await self._stopped(self._first, CancelAction.INTERRUPT, _INTERRUPTED)
            begun = await patiently(lambda: self._runs.get_state(self._first.thread_id, stored=True)) is not None
        before = _rows(self._settings, self._first.thread_id)
        undone = self._first.model_copy(update={"run_id": f"{self._first.run_id}-undone", "goes_on": begun})
        if await self._stopped(undone, CancelAction.ROLLBACK, _ROLLED_BACK):
            after = _rows(self._settings, self._first.thread_id)
            if wrong := [f"{row!s:.200}" for row in before ^ after]:
                self._trial.blame(undone.run_id, ["its thread is not as before", *wrong])
            await self._end(begun=begun)

    async def _end(self, *, begun: bool) -> None:
        last = self._first.model_copy(update={"run_id": f"{self._first.run_id}-last", "goes_on": begun})
        await follow(self._runs, last)
        self._trial.runs += 1
        wrong = await judge_end(self._runs, last, End())
        values, right = (await self._runs.join_wait(last.run_id)).values, await reference(self._first)
        if values != right.values:
            wrong.append(f"final state {values!s:.300} instead of {right.values!s:.300}")
        self._trial.blame(f"{last.run_id} (graph {last.seed})", wrong)

    async def _stopped(self, run: WildRun, action: CancelAction, end: End) -> bool:
        """Let the run go, cancel it on its way; whether it was in time."""
        following = await follow_until(self._runs, run, self._moments.randint(1, 30_000))
        stopped = await patiently(lambda: self._runs.cancel(run.run_id, action=action))
        self._trial.runs += 1
        self._trial.faults += stopped
        await following
        self._trial.blame(run.run_id, await judge_end(self._runs, run, end if stopped else End()))
        return stopped


def _rows(settings: Settings, thread_id: str) -> set[tuple[Any, ...]]:
    return {(table, *map(repr, row)) for table, rows in thread_rows(settings, thread_id).items() for row in rows}
