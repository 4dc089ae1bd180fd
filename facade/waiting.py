"""What runs wait for that nobody executes: a worker. Their records say so while they are read.

Nobody could write it down when the last worker has gone, nor take it back in time. Who is there is read from what
workers announce in the store, so no look at Temporal is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from ..contracts.settings import Settings
from ..contracts.types import RunRecord, RunStatus, RunTrouble
from ..contracts.workers import WorkerRecord, served_by, takers, those_there
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
        workers = await self._announced([one for one in records if _may_wait(one)])
        found = {one.run_id: self._lacks(one, workers) for one in records if _may_wait(one)}
        return [
            one.model_copy(update={"trouble": trouble}) if (trouble := found.get(one.run_id)) else one
            for one in records
        ]

    async def unanswerable(self, asking: Sequence[RunRecord]) -> dict[str, str]:
        """What is lacking, by run id, for an answer to these to be taken, or to be gone on with.

        It is no trouble of theirs yet: while it awaits an answer, a run needs no worker.
        """
        workers, now = await self._announced(asking), datetime.now(UTC)
        found = {one.run_id: self._lacks(one, workers) for one in asking}
        lacking = {run_id: trouble.message for run_id, trouble in found.items() if trouble}
        for one in asking:
            there = those_there(workers[self._queues(one)[-1]], now)
            if one.run_id not in lacking and not any(one.assistant_id in worker.graphs for worker in there):
                lacking[one.run_id] = f"no worker serves the graph {one.assistant_id!r}; there are: {served_by(there)}"
        return lacking

    async def _announced(self, records: Sequence[RunRecord]) -> Workers:
        queues = {queue for one in records for queue in self._queues(one)}
        found = {queue: await self._workers.list(queue) for queue in sorted(queues)}
        return {queue: takers(some) for queue, some in found.items()}

    def _queues(self, record: RunRecord) -> list[str]:
        """The common one, where its workflow goes on, and that of its graph."""
        own = self._settings.queue_of(record.assistant_id)
        return [self._settings.temporal.task_queue, *([] if own is None else [own])]

    def _lacks(self, record: RunRecord, workers: Workers) -> RunTrouble | None:
        now = datetime.now(UTC)
        empty = next((queue for queue in self._queues(record) if not those_there(workers[queue], now)), None)
        return None if empty is None else self._trouble(record, empty, workers[empty], now)

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
