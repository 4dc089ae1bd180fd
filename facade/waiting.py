"""What runs wait for that nobody executes: a worker. Their records say so while they are read.

Nobody could write it down when the last worker has gone, nor take it back in time. Who is there is read from what
workers announce in the store, so no look at Temporal is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from ..contracts.settings import Settings
from ..contracts.types import RunRecord, RunStatus, RunTrouble
from ..contracts.workers import WorkerRecord, those_there
from ..store.worker_contract import WorkerStore

NO_WORKER = "NoWorkerError"
"""The type of the trouble."""
_EXECUTING = (RunStatus.PENDING, RunStatus.RUNNING)

Workers = Mapping[str, Sequence[WorkerRecord]]
"""By task queue, the newest first."""


class WaitingRuns:
    """By the routing of the settings: a run of before may have been created with another one."""

    def __init__(self, settings: Settings, workers: WorkerStore) -> None:
        self._settings = settings
        self._workers = workers

    async def told(self, records: Sequence[RunRecord]) -> list[RunRecord]:
        """The same records; those that wait for a worker have it as their trouble, if they have no other."""
        queues = {queue for one in records if _may_wait(one) for queue in self._queues(one)}
        found = {queue: await self._workers.list(queue) for queue in sorted(queues)}
        workers = {queue: [one for one in some if one.takes_workflows] for queue, some in found.items()}
        return [self._told(one, workers) if _may_wait(one) else one for one in records]

    def _queues(self, record: RunRecord) -> list[str]:
        """The common one, where its workflow goes on, and that of its graph."""
        own = self._settings.queue_of(record.assistant_id)
        return [self._settings.temporal.task_queue, *([] if own is None else [own])]

    def _told(self, record: RunRecord, workers: Workers) -> RunRecord:
        now = datetime.now(UTC)
        for queue in self._queues(record):
            if not those_there(workers[queue], now):
                trouble = self._trouble(record, queue, workers[queue], now)
                return record.model_copy(update={"trouble": trouble})
        return record

    def _trouble(self, record: RunRecord, queue: str, gone: Sequence[WorkerRecord], now: datetime) -> RunTrouble:
        last = max(gone, key=lambda worker: worker.seen_at, default=None)
        became = "none has announced itself lately" if last is None else f"{last.name} {last.fate(now)}"
        common = queue == self._settings.temporal.task_queue
        start = "`perdure worker` (or `perdure dev`)" if common else f"`perdure worker --queue {queue}`"
        left_at = record.created_at if last is None else last.ended_at or last.seen_at
        return RunTrouble(
            type=NO_WORKER,
            message=f"no worker serves the task queue {queue!r}: {became}; start {start}",
            count=0,
            since=max(record.created_at, left_at),
        )


def _may_wait(record: RunRecord) -> bool:
    return record.status in _EXECUTING and record.trouble is None
