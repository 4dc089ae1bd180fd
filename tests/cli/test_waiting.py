"""What `perdure show` and `perdure runs` say of a run for which no worker is there."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from perdure import RunRecord, RunScope, RunSpec, RunStatus
from perdure.store import SqlStore

from .conftest import CommandLine, environment

TOLD = "no worker serves the task queue 'perdure': none has announced itself lately; start `perdure worker`"


async def test_it_is_told(tmp_path: Path) -> None:
    command, now = CommandLine(environment(tmp_path), tmp_path), datetime.now(UTC)
    store = SqlStore(f"sqlite:///{tmp_path}/store.db")
    await store.start()
    for run_id in ("r-1", "r-2"):
        spec = RunSpec(run_id=run_id, assistant_id="echo", scope=RunScope(thread_id=run_id))
        common = {"run_id": run_id, "thread_id": run_id, "assistant_id": "echo", "status": RunStatus.PENDING}
        await store.create(RunRecord.model_validate({**common, "created_at": now, "updated_at": now}), spec)
        await store.mark_submitted(run_id)
    await store.close()
    said = await command.all({"show": ["show", "r-1"], "list": ["runs"], "json": ["runs", "--json"]})
    assert TOLD in " ".join(said["show"].out.split())
    assert f"2 wait: {TOLD}" in " ".join(said["list"].err.split())
    assert {run["trouble"]["type"] for run in said["json"].document} == {"NoWorkerError"}
