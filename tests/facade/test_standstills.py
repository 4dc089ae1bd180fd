"""Why a run stands still, in a sentence: each status and trouble."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from perdure import RunError, RunRecord, RunTrouble
from perdure.facade.standstills import Standstills
from perdure.store import open_store

NOW = datetime.now(UTC)
ERROR = RunError(type="pkg.QuotaError", message="used\n  up")


def trouble(type: str, message: str = "gone", **fields: Any) -> RunTrouble:
    return RunTrouble(type=type, message=message, since=NOW, **fields)


CASES: list[tuple[dict[str, Any], str | None, str]] = [
    ({"status": "success"}, None, ""),
    ({"status": "error", "error": ERROR}, "ended", "Failed with pkg.QuotaError: used up"),
    ({"status": "error", "error": RunError(type="E", message="\u202eup")}, "ended", "Failed with E: up"),
    ({"status": "timeout", "error": ERROR}, "ended", "Ran out of time: pkg.QuotaError: used up"),
    ({"status": "rolled_back"}, "ended", "Rolled back: its thread is as it was before it"),
    ({"status": "interrupted", "cancel_action": "interrupt"}, "ended", "Cancelled; what it had done is kept"),
    ({"status": "interrupted"}, "ended", "Stopped between two steps; what it had done is kept"),
    ({"status": "awaiting_input"}, "question", "Awaits an answer"),
    ({"status": "running", "steps": 3}, "step", "Step 4 is under way"),
    (
        {"status": "pending", "trouble": trouble("NoWorkerError", "no worker serves the task queue 'q'", count=0)},
        "no_worker",
        "No worker serves the task queue 'q'",
    ),
    (
        {"status": "running", "steps": 2, "trouble": trouble("WorkerLostError", count=3, lost=2)},
        "failing",
        "3 attempts at step 3 failed, and it is tried again; the last one with WorkerLostError: gone",
    ),
    (
        {"status": "running", "trouble": trouble("WorkerLostError", count=2, lost=2, waiting=True)},
        "turn",
        "Lost its worker 2 times, so it waits until no other such run executes",
    ),
    (
        {"status": "running", "attempt": 2, "trouble": trouble("ValueError", "x" * 500, count=1)},
        "failing",
        f"Attempt 2 failed at step 1, and it is tried again; it failed with ValueError: {'x' * 159}…",
    ),
]


@pytest.fixture(scope="module")
async def standstills(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Standstills]:
    home: Path = tmp_path_factory.mktemp("standstills")
    store = open_store(f"sqlite:///{home}/store.db")
    await store.start()
    yield Standstills(store)
    await store.close()


@pytest.mark.parametrize(("fields", "reason", "text"), CASES)
async def test_a_sentence(standstills: Standstills, fields: dict[str, Any], reason: str | None, text: str) -> None:
    known = {"run_id": "r", "thread_id": "t", "assistant_id": "a", "created_at": NOW, "updated_at": NOW}
    found = (await standstills.of([RunRecord.model_validate(known | fields)])).get("r")
    assert (None if found is None else found.reason, "" if found is None else found.text) == (reason, text)
