"""`FencedSaver` is the plain saver behind a fence: the same states and histories, and no write of an older attempt."""

from __future__ import annotations

import pytest

from perdure.checkpoints.conformance.making import Hooks
from perdure.checkpoints.conformance.saving import fenced
from perdure.checkpoints.saver import FencedSaver
from perdure.checkpoints.sqlite.checkpoints import SqliteCheckpoints
from perdure.contracts.errors import FencedError


async def test_failures_of_a_clone_are_those_of_the_saver(sqlite: SqliteCheckpoints, hooks: Hooks) -> None:
    saver = await fenced(sqlite, hooks)
    clone = saver.with_allowlist([("my_module", "Mine")])
    assert isinstance(clone, FencedSaver)
    await sqlite.take("run", "thread", fence=2)
    with pytest.raises(FencedError):
        await clone.aput_writes(
            {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "c"}}, [("log", [])], "task"
        )
    assert isinstance(saver.failure, FencedError)
