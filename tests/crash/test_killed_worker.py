"""Workers killed with SIGKILL at random points: the runs go on elsewhere, nothing repeats, nothing is lost."""

from __future__ import annotations

from chaos.faults.worker_killed import WorkerKilled

from .conftest import Play


async def test_runs_survive_kills_at_random_points(play: Play) -> None:
    await play(WorkerKilled(), seed="kill points", size=4, most=3)
