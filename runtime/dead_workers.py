"""Runs whose worker is dead for certain go on at once: nobody waits until its heartbeat is missed.

A worker that was killed lets go of its lock (`worker_lock.py`). Whoever sees that fails what it had under way, so that
Temporal gives it to another worker, and has the workflows that it knew looked after by whoever is there. What a frozen
worker has, or one of another machine, waits for its heartbeat.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflowservice.v1 import ResetStickyTaskQueueRequest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from ..activities.attempt.trouble import WORKER_LOST
from ..contracts.errors import PerdureError
from ..contracts.types import RunStatus
from ..contracts.wire import run_workflow_id, thread_workflow_id
from ..store.contract import Store
from ..store.housekeeping_contract import pages_of_unended
from .connection import RPC_LIMIT
from .worker_lock import dead_workers

logger = logging.getLogger(__name__)

_LOOK = 0.3
"""Seconds between two looks at the locks of this machine's workers."""
_AFTER_FAILURE = 5.0
_PAGE = 100
_AT_ONCE = 10
"""Calls to Temporal."""
_STARTED = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED


@dataclass(frozen=True, slots=True)
class DeadWorkers:
    """Looks for them, for one worker."""

    client: Client
    store: Store
    home: Path

    async def look_for_ever(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                await self.look()
            except PerdureError as exc:  # what is left waits for its heartbeat
                logger.warning("the runs of a worker that is dead are not all taken over at once: %s", exc)
                await asyncio.sleep(_AFTER_FAILURE)
            await asyncio.sleep(_LOOK)

    async def look(self) -> None:
        """Raises `PerdureError`."""
        for identity in dead_workers(self.home):
            logger.warning("worker %s is dead: its runs are taken over", identity)
            await self._take_over(identity)

    async def _take_over(self, identity: str) -> None:
        async for page in pages_of_unended(self.store, _PAGE):
            # One that waits for an answer is with no worker.
            workflows = {
                workflow
                for record in page
                if record.status is not RunStatus.AWAITING_INPUT
                for workflow in (run_workflow_id(record.run_id), thread_workflow_id(record.thread_id))
            }
            limit = asyncio.Semaphore(_AT_ONCE)
            await asyncio.gather(*(self._free(workflow, identity, limit) for workflow in sorted(workflows)))

    async def _free(self, workflow_id: str, identity: str, limit: asyncio.Semaphore) -> None:
        """Of a workflow that is there, and may have been with the worker."""
        async with limit:
            with suppress(RPCError):  # it has ended meanwhile, or never began
                await self._free_activities(workflow_id, identity)
                await self.client.workflow_service.reset_sticky_task_queue(
                    ResetStickyTaskQueueRequest(
                        namespace=self.client.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
                    ),
                    timeout=RPC_LIMIT,
                )

    async def _free_activities(self, workflow_id: str, identity: str) -> None:
        found = await self.client.get_workflow_handle(workflow_id).describe(rpc_timeout=RPC_LIMIT)
        for pending in found.raw_description.pending_activities:
            if pending.last_worker_identity != identity or pending.state != _STARTED:
                continue
            activity = self.client.get_async_activity_handle(
                workflow_id=workflow_id, run_id=found.run_id, activity_id=pending.activity_id
            )
            # As a missed heartbeat is told of (`activities/attempt/trouble.py`).
            why = f"the worker's process has ended: it was killed, or crashed ({identity.partition(' ')[0]})"
            await activity.fail(ApplicationError(why, type=WORKER_LOST), rpc_timeout=RPC_LIMIT)
