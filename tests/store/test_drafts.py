"""Submission: drafts, what becomes of them, and deletion."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from perdure.contracts.types import RunStatus
from perdure.store import RunEnding, SqlStore
from perdure.store.conformance.making import Draft


async def test_discard_removes_a_draft(store: SqlStore, draft: Draft, path: Path) -> None:
    record = await draft()
    assert await store.discard("run", taken_up=record.updated_at)
    assert not await store.discard("run", taken_up=record.updated_at)
    assert await store.get("run") is None
    assert _rows(path) == {"runs": 0, "run_specs": 0, "run_values": 0}


async def test_delete_removes_everything_of_a_run(store: SqlStore, draft: Draft, path: Path) -> None:
    await draft()
    await draft("other")
    await store.finish("run", RunEnding(RunStatus.SUCCESS, steps=1, values=b"1"), fence=1)
    assert await store.delete("run")
    assert not await store.delete("run")
    assert await store.get("run") is None
    assert _rows(path) == {"runs": 1, "run_specs": 1, "run_values": 0}


def _rows(path: Path) -> dict[str, int]:
    connection = sqlite3.connect(path)
    tables = ("runs", "run_specs", "run_values")
    counts = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}
    connection.close()
    return counts
