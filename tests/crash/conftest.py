from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from chaos.contract import Fault, Trial
from chaos.stage import Stage, stage

from perdure import Settings
from perdure.contracts.settings import RunSettings

Play = Callable[..., Awaitable[Trial]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A dead worker is noticed after a second."""
    return settings.model_copy(update={"runs": RunSettings(heartbeat_timeout=1.0)})


@pytest.fixture(scope="package")
async def installation(
    needs_server: None, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """A server and three workers of their own, for the tests that break them."""
    kept = str(request.config.getoption("--back-ends"))
    async with stage(tmp_path_factory.mktemp("chaos"), heartbeat_timeout=1.0, back_ends=kept) as opened:
        yield opened


def new_trial(seed: str, folder: Path, *, size: int, most: int) -> Trial:
    # The names of runs are this trial's own; the seed chooses its graphs and moments.
    return Trial(uuid.uuid4().hex[:8], seed, folder, size=size, most=most)


def assert_kept(trial: Trial) -> None:
    """Nothing that was promised was broken, although the fault has struck."""
    assert not trial.violations, "\n".join(trial.violations)
    assert trial.faults, "nothing was broken: the test shows nothing"


@pytest.fixture
def play(installation: Stage, tmp_path: Path) -> Play:
    """One trial of a fault that breaks the installation."""

    async def play(fault: Fault, *, seed: str, size: int, most: int) -> Trial:
        trial = new_trial(seed, tmp_path, size=size, most=most)
        await fault.play(installation, trial)
        trial.violations += await installation.heal()
        assert_kept(trial)
        return trial

    return play
