"""What the tests of determinism share."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
from support.threads import awake

from perdure import RunsFacade, Settings

from .stage import SLOTS, Stage, serving


@pytest.fixture(scope="session")
def recording_wanted() -> bool:
    """`PERDURE_RECORD=1 pytest tests/determinism` records anew. (Read before each test's environment is emptied.)"""
    return bool(os.environ.get("PERDURE_RECORD"))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Each superstep is a slice, and two runs can take all slots. One graph has a task queue of its own."""
    common = settings.temporal.task_queue
    own = f"own-of-{common}"
    runs = settings.runs.model_copy(update={"slice_budget": 0.0})
    worker = settings.worker.model_copy(update={"max_concurrent_activities": SLOTS, "queues": (common, own)})
    return settings.model_copy(update={"runs": runs, "worker": worker, "task_queues": {own: ("routed",)}})


@pytest.fixture
async def stage(settings: Settings, runs: RunsFacade) -> AsyncIterator[Stage]:
    with awake():
        async with serving(settings, runs) as stage:
            yield stage
