"""`perdure show` says what observers and webhooks were not told."""

from __future__ import annotations

from datetime import UTC, datetime

from perdure import RunRecord, RunScope, RunSpec, RunStatus
from perdure.store import RunEnding, open_store

from .conftest import CommandLine


async def test_a_webhook_that_was_given_up(lonely: CommandLine) -> None:
    now = datetime.now(UTC)
    store = open_store(f"sqlite:///{lonely.folder}/store.db")
    await store.start()
    record = RunRecord(run_id="called", thread_id="t", assistant_id="a", created_at=now, updated_at=now)
    await store.create(record, RunSpec(assistant_id="a", scope=RunScope(thread_id="t")))
    await store.finish("called", RunEnding(RunStatus.SUCCESS, 1), fence=1)
    await store.lifecycle.mark_delivered("called", "audit", 1, after=0)
    await store.lifecycle.mark_delivered("called", "webhook", 1, after=0, failure="it answered 500")
    await store.close()
    shown = await lonely("show", "called")
    assert shown.code == 0
    assert [line for line in shown.out.splitlines() if "told" in line] == ["! webhook was not told: it answered 500"]
