"""Runs of random graphs under way while a fault strikes again and again."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from random import Random

from .contract import Trial
from .journal import longest_silence, read_journal
from .stage import Clients, Stage
from .verdict import judge
from .wild import WildRun, random_run

_BUDGETS = (0.0, 0.1, 1.0, 60.0)
"""Seconds of a slice: a superstep for each activity, a few, many, all."""
_LIMIT = 120.0
"""Seconds after the last strike in which every run must have ended."""


class WhileRunning(ABC):
    """A fault that strikes while clients follow their runs."""

    name: str

    @abstractmethod
    async def strike(self, stage: Stage, clients: Clients, moments: Random) -> None:
        """Break something, and undo it."""

    async def play(self, stage: Stage, trial: Trial) -> None:
        """Strikes at moments that follow what the runs do; then every run must come to its right end."""
        runs = [
            random_run(f"{trial.name}-{number}", trial.folder, f"{trial.seed}/{number}") for number in range(trial.size)
        ]
        moments = trial.moments
        clients = Clients(stage, runs, slice_budget=moments.choice(_BUDGETS))
        trial.runs = len(runs)
        await clients.start()
        try:
            while trial.faults < trial.most and not await self._over(clients, moments):
                await self.strike(stage, clients, moments)
                trial.faults += 1
            if not await clients.wait(_LIMIT):
                trial.violations.append(f"runs that have not ended {_LIMIT:g} s after the last strike")
        finally:
            await clients.kill()
        for run in runs:
            trial.silence = max(trial.silence, longest_silence(read_journal(run.journal)))
            trial.blame(f"{run.run_id} (graph {run.seed})", await self.judge(stage, run))

    async def judge(self, stage: Stage, run: WildRun) -> list[str]:
        """What is wrong with a run."""
        return await judge(stage.runs, run)

    async def _over(self, clients: Clients, moments: Random) -> bool:
        """Wait for the moment of the next strike; whether the runs have ended before."""
        size = clients.size() + moments.randint(1, 60_000)
        while clients.size() < size:
            if await clients.wait(0.005):
                return True
        await asyncio.sleep(moments.uniform(0, 0.02))
        return False
