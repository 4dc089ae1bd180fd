"""How a worker that shuts down tells a run's workflow that it holds the run's graph no more.

Else the workflow would ask for it on the worker's own task queue, and wait there for nobody.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import Client
from temporalio.service import RPCError

from ...contracts.wire import run_workflow_id
from ...contracts.wire_steering import SIGNAL_LET_GO

logger = logging.getLogger(__name__)

_RPC_LIMIT = timedelta(seconds=2)
"""A worker that shuts down waits for it; and a run that does not hear of it loses no more (`_TO_HOLDER`)."""


@dataclass(frozen=True, slots=True)
class LetGo:
    """Tells it. `task_queue`: the worker's own."""

    client: Client
    task_queue: str

    async def __call__(self, run_id: str) -> None:
        """Never raises: a workflow that does not hear of it waits for a moment, and goes on elsewhere."""
        try:
            handle = self.client.get_workflow_handle(run_workflow_id(run_id))
            await handle.signal(SIGNAL_LET_GO, self.task_queue, rpc_timeout=_RPC_LIMIT)
        except RPCError as exc:
            logger.info("the workflow of run %s is not told that its graph is let go: %s", run_id, exc)
