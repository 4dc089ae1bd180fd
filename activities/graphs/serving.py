"""What a worker does not do: what belongs to another installation, and what needs a graph that it does not serve."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from ...contracts.types import RunTrouble
from ...contracts.wire import ERROR_NOT_SERVED, ERROR_OTHER_INSTALLATION
from ...contracts.wire_serving import NotServed
from ...contracts.workers import WorkerRecord, served_by, those_there
from ..attempt.failures import MachineFailure, SentOn
from .back_ends import BackEnds

logger = logging.getLogger(__name__)

_TRY_AGAIN = timedelta(seconds=2)
"""Until a task of another installation is offered again: to a worker of its own, with some luck."""


class Serving:
    """Of one worker. `task_queue`: that of its workflows."""

    def __init__(self, ends: BackEnds, task_queue: str) -> None:
        self._store = ends.store
        self._graphs = ends.graphs
        self._task_queue = task_queue
        self._told = False

    def is_ours(self, installation: str | None) -> bool:
        """Whether the stores of this worker are those of the task. One that does not say so is of an older version."""
        return installation in (None, self._store.installation)

    def check_ours(self, installation: str | None) -> None:
        """Raises what leaves the task to another worker: here is nothing of its run, and nothing is known of it."""
        if self.is_ours(installation):
            return
        text = (
            f"the task is of another installation ({installation}) than this worker ({self._store.installation}): "
            f"workers with other stores serve the task queue {self._task_queue!r}, too. Give each project a "
            "temporal.namespace or temporal.task_queue of its own, or all of these workers the same stores (home)"
        )
        if not self._told:
            self._told = True
            logger.error("%s", text)
        raise MachineFailure(text, type=ERROR_OTHER_INSTALLATION, next_retry_delay=_TRY_AGAIN)

    def serves(self, graph: str) -> bool:
        """Whether this worker has the graph."""
        return graph in self._graphs.names

    async def check_served(self, graph: str, *, anywhere: bool) -> None:
        """Raises what sends an activity on to a worker that has the graph, where there is one."""
        if self.serves(graph) or anywhere:
            return
        if any(graph in worker.graphs for worker in await self._there()):
            raise SentOn(_text(graph), NotServed(), type=ERROR_NOT_SERVED, non_retryable=True)

    async def send_on(self, run_id: str, graph: str, found: NotServed) -> MachineFailure:
        """What sends a slice on. Until it is taken the record says what the run waits for."""
        there = await self._there()
        trouble = RunTrouble(
            type=ERROR_NOT_SERVED,
            message=f"waits for a worker that serves the graph {graph!r}; there are: {served_by(there)}",
            count=1,
            since=datetime.now(UTC),
        )
        await self._store.note_waiting(run_id, trouble)
        return SentOn(_text(graph), found, type=ERROR_NOT_SERVED, non_retryable=True)

    async def _there(self) -> list[WorkerRecord]:
        return those_there(await self._store.workers.list(self._task_queue), datetime.now(UTC))


def _text(graph: str) -> str:
    return f"this worker does not serve the graph {graph!r}: one that does goes on"
