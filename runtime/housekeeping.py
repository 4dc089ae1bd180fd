"""What a worker sees to beside its tasks: runs that their client has left, and runs that nobody brings to their end.

What it does may be done twice, by several workers. What it costs does not depend on how many runs wait or have ended:

- abandoned runs (the lease of `on_disconnect="cancel"` has run out): one look at the bridge each few seconds. They get
  the ordinary cancel signal.
- workflows that were terminated, timed out, or failed without an end of their run: one list of Temporal's each few
  seconds. It comes late and may be wrong, so it only says where to look (`repair.py`).
- records that say a run goes on: one after the other, day and night, each compared with Temporal; by one worker at a
  time, which has a lease in the store.
- workers of this machine that are dead (`dead_workers.py`): one look at their locks each moment.
- what the bridge has lost in a restart of its server (`losses.py`): one look each few seconds.
- what has become old (`retention.py`), if the settings say what that is: each hour, by one worker.
- values of states on their way between a client and a worker, whose client has died: after a day.

While Temporal is away, nothing is looked at. An error is logged, and what was not done because of it is found again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from temporalio.client import Client
from temporalio.service import RPCError

from ..activities import BackEnds
from ..activities.finalizer import Finalizer
from ..contracts.errors import PerdureError
from ..contracts.types import CancelAction, RunStatus
from ..contracts.wire import RUN_WORKFLOW, SEARCH_RUN_STATUS, SIGNAL_CANCEL, run_workflow_id
from ..store.housekeeping_contract import pages_of_unended
from .connection import RPC_LIMIT
from .dead_workers import DeadWorkers
from .losses import Losses
from .pollers import namespace_id
from .repair import Repair, is_missing
from .retention import Retention

logger = logging.getLogger(__name__)

_FIRST_SIGHT = timedelta(days=1)
"""How far back the first list goes: to what happened while no worker was there. Older ends are found by the records."""
_OVERLAP = timedelta(minutes=10)
"""How far a list goes back behind the last one: clocks differ, and what has closed is listed late."""
_LEFT_FOR = timedelta(days=1)
"""For so long the values of states wait for who comes for them. It takes seconds."""
_ENDED = ", ".join(f'"{status}"' for status in RunStatus if status.terminal)
_CLOSED_UNENDED = f'(ExecutionStatus IN ("Failed", "Canceled") AND {SEARCH_RUN_STATUS} NOT IN ({_ENDED}))'
"""A run that fails or is cancelled closes like that, too, when it shows its end and has written it."""
_LISTED = 1000  # of one list; what is beyond is found by the records
_PAGE = 100  # records, of one query


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two looks, on the average: each wait is drawn anew, so that workers do not look all at once."""

    abandoned: float = 3.0
    closed: float = 5.0
    records: float = 60.0
    """From the end of one round over all records to the next."""
    between: float = 0.5
    """Between two records."""
    left: float = 3600.0
    losses: float = 3.0
    retention: float = 3600.0


PACE = Pace()
_LEASE = 30.0
"""Seconds for which a worker may be at one record. When it takes longer, or dies, another one begins a round."""


class Housekeeping:
    """The housekeeping of one worker: `async with Housekeeping(…).running(): …`."""

    def __init__(
        self,
        *,
        client: Client,
        task_queue: str,
        ends: BackEnds,
        ending: Finalizer,
        own_place: Callable[[], str | None] = lambda: None,
        retention: Retention | None = None,
        dead: DeadWorkers | None = None,
    ) -> None:
        self._client = client
        self._task_queue = task_queue
        self._store = ends.store
        self._bridge = ends.bridge
        self._repair = Repair(client, task_queue, ends, ending, own_place)
        self._retention = retention
        self._dead = dead
        self._pace = PACE
        self._name = str(uuid.uuid4())
        """Of this worker, as the holder of leases."""
        self._losses = Losses(client, task_queue, ends, self._repair, self._name)
        self._since = datetime.now(UTC) - _FIRST_SIGHT
        self._seen: dict[str, datetime] = {}
        """The closed executions that have been looked at, and when they closed."""

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """In the background while the block lasts; its end cuts short what is under way."""
        pace = self._pace
        looks = [
            asyncio.create_task(self._repeat(pace.abandoned, self._cancel_abandoned)),
            asyncio.create_task(self._repeat(pace.closed, self._repair_closed)),
            asyncio.create_task(self._repeat(pace.records, self._repair_records)),
            asyncio.create_task(self._repeat(pace.left, self._drop_left)),
            asyncio.create_task(self._repeat(pace.losses, self._mend_losses)),
        ]
        if self._retention is not None:
            looks.append(asyncio.create_task(self._repeat(pace.retention, partial(self._remove_old, self._retention))))
        if self._dead is not None:
            looks.append(asyncio.create_task(self._dead.look_for_ever()))
        try:
            yield
        finally:
            for look in looks:
                look.cancel()
            await asyncio.gather(*looks, return_exceptions=True)

    async def _repeat(self, pause: float, look: Callable[[], Awaitable[None]]) -> None:
        await self._wait(self._pace.abandoned)  # a worker that starts has more urgent things to do
        while True:
            with _enduring("the worker's housekeeping goes on later"):
                await look()
            await self._wait(pause)

    async def _wait(self, pause: float) -> None:
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))

    async def _try(self, work: Callable[[str], Awaitable[None]], run_id: str) -> bool:
        """Whether the work on one run is done. One that fails does not keep others from their turn."""
        done = False
        if await self._temporal_answers():
            with _enduring(f"run {run_id} is left as it is for now"):
                await work(run_id)
                done = True
        return done

    async def _temporal_answers(self) -> bool:
        """Asked without the retries of the client's own calls, which take long and complain on the terminal."""
        try:
            await namespace_id(self._client)
        except RPCError:
            return False
        return True

    async def _cancel_abandoned(self) -> None:
        for run_id in await self._bridge.abandoned():
            await self._try(self._cancel, run_id)

    async def _cancel(self, run_id: str) -> None:
        stored = await self._store.get(run_id)
        if stored is None or stored.record.status.terminal or await self._signal(run_id):
            await self._bridge.leave(run_id)

    async def _signal(self, run_id: str) -> bool:
        """Whether the run has taken the cancel signal. One that has no workflow yet, or no end yet, will come again."""
        workflow = self._client.get_workflow_handle(run_workflow_id(run_id))
        try:
            await workflow.signal(SIGNAL_CANCEL, {"action": CancelAction.INTERRUPT}, rpc_timeout=RPC_LIMIT)
        except RPCError as exc:
            if not is_missing(exc):
                raise
            return False
        logger.info("run %s is cancelled: its client has gone away", run_id)
        return True

    async def _mend_losses(self) -> None:
        lost = await self._bridge.losses()
        if lost is not None and await self._temporal_answers():
            await self._losses.mend(lost, self._unended, self._try)

    async def _drop_left(self) -> None:
        await self._store.threads.drop_left(datetime.now(UTC) - _LEFT_FOR)

    async def _remove_old(self, retention: Retention) -> None:
        # The lease is left to run out, also by this worker: until then the installation has had its round.
        if await self._store.lease("retention", str(uuid.uuid4()), self._pace.retention / 2):
            removed = await retention.remove_old()
            logger.info("retention has removed %s", removed)

    async def _repair_closed(self) -> None:
        if not await self._temporal_answers():
            return
        began = datetime.now(UTC)
        listed = self._client.list_workflows(self._closed_query(), limit=_LISTED, rpc_timeout=RPC_LIMIT)
        async for closed in listed:
            run_id = closed.id.removeprefix(run_workflow_id(""))
            if closed.run_id not in self._seen and await self._try(self._repair.look, run_id):
                self._seen[closed.run_id] = closed.close_time or began
        self._since = began - _OVERLAP
        self._seen = {execution: time for execution, time in self._seen.items() if time > self._since}

    def _closed_query(self) -> str:
        queue = json.dumps(self._task_queue, ensure_ascii=False)  # a name may hold quotes
        return (
            f'WorkflowType = "{RUN_WORKFLOW}" AND TaskQueue = {queue} '
            f'AND (ExecutionStatus IN ("Terminated", "TimedOut") OR {_CLOSED_UNENDED}) '
            f'AND CloseTime > "{self._since.isoformat()}"'
        )

    async def _repair_records(self) -> None:
        if not await self._temporal_answers() or not await self._lease(_LEASE):
            return
        try:
            async with aclosing(self._unended()) as found:
                async for run_id in found:
                    await self._try(self._repair.look, run_id)
                    await self._wait(self._pace.between)
                    if not await self._lease(_LEASE):
                        return
        finally:
            await self._lease(0)

    async def _lease(self, seconds: float) -> bool:
        """Whether this is the worker of its task queue that looks at the records."""
        return await self._store.lease(f"records of {self._task_queue}", self._name, seconds)

    async def _unended(self) -> AsyncGenerator[str]:
        async for page in pages_of_unended(self._store, _PAGE):
            for record in page:
                yield record.run_id


@contextmanager
def _enduring(meanwhile: str) -> Generator[None]:
    """Whatever goes wrong in the block is logged, and is the end of nothing else."""
    try:
        yield
    except (PerdureError, RPCError) as exc:
        logger.warning("%s: %s", meanwhile, exc)
    except Exception:
        logger.exception("%s", meanwhile)
