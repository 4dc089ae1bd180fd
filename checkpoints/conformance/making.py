"""What the tests of the suite are given, and what a saver does beside its saves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.pregel import Pregel

from ..contract import Checkpoints, Guard

CompiledGraph = Pregel[Any, Any, Any, Any]
AT: Any = {"configurable": {"thread_id": "thread", "checkpoint_ns": "", "checkpoint_id": "c"}}


async def save(checkpoints: Checkpoints, guard: Guard, config: Any = AT) -> None:
    """A task without writes is saved: all that is done is what the guard says."""
    await checkpoints.put_writes(guard, config, [], "task", "")


class Hooks:
    """Does nothing, and keeps what it was told."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def before_writes(
        self, task_id: str, task_path: str, writes: Sequence[tuple[str, Any]], *, namespace: str
    ) -> None:
        self.calls.append("before writes")

    def after_writes(self, task_id: str, *, saved: bool, given_up: bool = False) -> None:
        self.calls.append("saved writes" if saved else "lost writes")

    async def before_checkpoint(self, checkpoint_id: str, *, namespace: str) -> None:
        self.calls.append("before checkpoint")

    def after_checkpoint(self, checkpoint_id: str, *, saved: bool, given_up: bool = False) -> None:
        self.calls.append("saved checkpoint" if saved else "lost checkpoint")

    def loaded(self, found: CheckpointTuple) -> None:
        self.calls.append("loaded")


class CheckpointsFixtures:
    """The fixtures of the suite, but for `checkpoints`."""

    @pytest.fixture
    def hooks(self) -> Hooks:
        return Hooks()
