"""A program of its own: each golden history is replayed up to each of its workflow tasks, and thrown out of the cache
there. `python -m determinism.evicting ADDRESS HOME`; exit code 1 and the reason when one does not go.

A workflow that goes on when it is evicted spins in its thread for ever, which would take the tests' process with it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from temporalio.client import WorkflowHistory

import perdure
from perdure import Settings
from perdure.contracts.settings import TemporalSettings

from . import recording
from .commands import kind
from .stage import serving

logger = logging.getLogger("evicting")


class GiveUp(logging.Handler):
    """The SDK only logs that it cannot evict a workflow, and tries again."""

    def emit(self, record: logging.LogRecord) -> None:
        if "evict" in record.getMessage().lower():
            logger.error("not evicted")
            os._exit(1)


def beginnings(history: WorkflowHistory) -> Iterator[WorkflowHistory]:
    """The history as it was whenever the next workflow task was about to be scheduled."""
    for position, event in enumerate(history.events):
        if kind(event) == "WorkflowTaskScheduled" and position > 1:
            yield WorkflowHistory(history.workflow_id, history.events[:position])


async def everywhere() -> AsyncIterator[WorkflowHistory]:
    """Every beginning of every golden history."""
    for name in recording.golden():
        for beginning in beginnings(recording.load(name)):
            logger.info("%s, %d events", name, len(beginning.events))
            yield beginning


async def evict_everywhere(address: str, home: Path) -> int:
    """How many replays were cut off."""
    settings = Settings(home=home, temporal=TemporalSettings(address=address, task_queue="evicting"))
    async with (
        perdure.connect(settings=settings) as runs,
        serving(settings, runs) as stage,
        stage.registered.replayer().workflow_replay_iterator(everywhere()) as replays,
    ):
        results = [replay async for replay in replays]
    failures = [replay.replay_failure for replay in results if replay.replay_failure]
    assert not failures, failures
    return len(results)


if __name__ == "__main__":
    logging.getLogger("temporalio").addHandler(GiveUp(logging.WARNING))
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logger.info("%d", asyncio.run(evict_everywhere(sys.argv[1], Path(sys.argv[2]))))
