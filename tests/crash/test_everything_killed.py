"""Server, workers and clients die at the same moment; all of it is started again."""

from __future__ import annotations

from chaos.faults.everything_killed import EverythingKilled

from .conftest import Play


async def test_the_runs_go_on_where_they_were(play: Play) -> None:
    await play(EverythingKilled(), seed="everything", size=3, most=1)
