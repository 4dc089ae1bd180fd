"""A save, while the worker reads for another of its runs, and another process writes to the same file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from perdure.checkpoints.contract import Guard
from perdure.checkpoints.sqlite.checkpoints import SqliteCheckpoints

pytestmark = pytest.mark.files

_TWO: Any = {"configurable": {"thread_id": "two", "checkpoint_ns": ""}}
_MORE_THAN_A_FETCH = 100
"""Rows. The cursor is open until the last one is fetched."""


async def test_it_is_not_refused(tmp_path: Path) -> None:
    file = tmp_path / "checkpoints.db"
    checkpoints = SqliteCheckpoints(file)
    await checkpoints.start()
    try:
        for run in ("one", "two"):
            await checkpoints.take(run, run, fence=1)
        for step in range(_MORE_THAN_A_FETCH):
            await _save(checkpoints, step)
        reading = cast("AsyncGenerator[Any]", checkpoints.saver.alist(_TWO))
        await anext(reading)
        with closing(sqlite3.connect(file)) as other, other:
            other.execute("UPDATE perdure_runs SET fence = 2 WHERE run_id = 'two'")
        async with asyncio.TaskGroup() as saving:
            saving.create_task(checkpoints.take("one", "one", fence=3))
            saving.create_task(_save(checkpoints, _MORE_THAN_A_FETCH, fence=2))
            await asyncio.sleep(0)
            await reading.aclose()
    finally:
        await checkpoints.close()


async def _save(checkpoints: SqliteCheckpoints, step: int, fence: int = 1) -> None:
    await checkpoints.put(Guard("two", fence), _TWO, empty_checkpoint(), {"step": step}, {})
