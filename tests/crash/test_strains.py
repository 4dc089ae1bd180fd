"""What leaves the installation whole, all of it at the same time: runs stopped at random moments, and many at once."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Mapping

import pytest
from chaos.contract import Fault, Trial
from chaos.faults.overlap import Overlap
from chaos.faults.run_rolled_back import RunRolledBack
from chaos.faults.run_stopped import RunStopped
from chaos.stage import Stage

from .conftest import assert_kept, new_trial


@pytest.fixture(scope="module")
async def trials(installation: Stage, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Trial]:
    """One of each, by the names of the faults. They wait more than they work."""

    async def play(fault: Fault) -> Trial:
        trial = new_trial(fault.name, tmp_path_factory.mktemp(fault.name.replace(" ", "-")), size=3, most=3)
        try:
            await fault.play(installation, trial)
        except Exception:  # noqa: BLE001 - it is for the test of this fault to fail, not for those of the others
            trial.violations.append(traceback.format_exc())
        return trial

    faults: list[Fault] = [RunStopped(at_boundary=False), RunStopped(at_boundary=True), RunRolledBack(), Overlap()]
    return {fault.name: trial for fault, trial in zip(faults, await asyncio.gather(*map(play, faults)), strict=True)}


@pytest.mark.parametrize("fault", ["run cancelled", "run interrupted", "run rolled back"])
def test_what_was_complete_is_kept_and_the_thread_goes_on(trials: Mapping[str, Trial], fault: str) -> None:
    assert_kept(trials[fault])


def test_runs_of_a_thread_never_overlap(trials: Mapping[str, Trial]) -> None:
    """Four processes submit to few threads under all strategies."""
    trial = trials["overlap"]
    assert_kept(trial)
    assert trial.runs > 10, "hardly anything was taken"
