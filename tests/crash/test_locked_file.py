"""Another process holds the write lock of one of the files for longer than anybody waits for it."""

from __future__ import annotations

from functools import partial

import pytest
from chaos.faults.file_locked import locked

import perdure.blocking.sqlite_thread
import perdure.runtime.back_ends
from perdure import RunsFacade, Settings
from perdure.store.sql import SqlStore

from .trouble import GATES, run_through

pytestmark = pytest.mark.files


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second instead of five and ten, so that the test need not hold the lock for so long."""
    monkeypatch.setattr(perdure.blocking.sqlite_thread, "BUSY_TIMEOUT", 0.5)
    monkeypatch.setattr(perdure.runtime.back_ends, "open_store", partial(SqlStore, lock_timeout=0.5))


@pytest.mark.parametrize("file", ["bridge", "store", "checkpoints"])
async def test_the_run_waits_and_says_so(runs: RunsFacade, settings: Settings, impatient: None, file: str) -> None:
    await run_through(runs, settings, locked(settings.home / f"{file}.db"), gate=GATES[file], says="locked")
