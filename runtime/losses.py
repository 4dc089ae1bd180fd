"""What a bridge has lost with its server's newest writes, given to it again out of the records.

- A stream that is not there, of a run that has no end: it is made again.
- The lease of a client for whose sake a run goes on. If the client is there, it renews the lease; if it has died, the
  lease runs out.
- The end of a stream whose run has just ended: it is published again (`repair.py`).

What was streamed is lost; readers are told by a gap. A lost stop comes by the heartbeat.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.client import Client

from ..activities import BackEnds
from ..activities.stream.lasting_bridge import make_again
from ..contracts.errors import RunNotFoundError
from ..contracts.wire import RUN_WORKFLOW, run_workflow_id
from ..facade.streams import LEASE, is_attended
from .connection import RPC_LIMIT
from .repair import Repair

logger = logging.getLogger(__name__)

_BEFORE = timedelta(minutes=10)
"""Before the loss is seen. Longer than a server needs to lose its writes, to start, and a worker to look."""
_LISTED = 1000
_TURN = 60.0
"""Seconds for which one worker is at it alone. When it takes longer, another one does the same, which harms nobody."""

Try = Callable[[Callable[[str], Awaitable[None]], str], Awaitable[bool]]
"""Works on one run, which may fail without keeping others from their turn."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Of one bridge, mended by one worker."""

    client: Client
    task_queue: str
    ends: BackEnds
    repair: Repair
    worker: str
    """Its name, as the holder of leases."""

    async def mend(self, lost: str, unended: Callable[[], AsyncGenerator[str]], attempt: Try) -> None:
        """Those of all runs, by one worker. `lost`: the bridge's name for them. What fails is mended the next time."""
        turn = f"losses of {self.task_queue}"
        if not await self.ends.store.lease(turn, self.worker, _TURN):
            return
        logger.info("the bridge was started anew and may have lost its newest writes: all that goes on is looked at")
        done = True
        async with aclosing(unended()) as going:
            async for run_id in going:
                done = await attempt(self._mend_open, run_id) and done
        for run_id in await self._just_ended():
            done = await attempt(self._mend_ended, run_id) and done
        if done:
            await self.ends.bridge.mended(lost)
        await self.ends.store.lease(turn, self.worker, 0)

    async def _mend_open(self, run_id: str) -> None:
        await self._make_again(run_id)
        try:
            spec = await self.ends.store.get_spec(run_id)
        except RunNotFoundError:
            return
        if is_attended(spec):
            await self.ends.bridge.attend(run_id, LEASE)

    async def _mend_ended(self, run_id: str) -> None:
        stored = await self.ends.store.get(run_id)
        if stored is not None and stored.record.status.terminal:
            await self._make_again(run_id)
            await self.repair.look(run_id)

    async def _make_again(self, run_id: str) -> None:
        """Only if it is not there: the attempt that goes on knows best with which id."""
        try:
            await self.ends.bridge.last_event_id(run_id)
        except RunNotFoundError:
            await make_again(self.ends.bridge, self.ends.store, run_id)

    async def _just_ended(self) -> list[str]:
        queue, since = json.dumps(self.task_queue, ensure_ascii=False), datetime.now(UTC) - _BEFORE
        query = f'WorkflowType = "{RUN_WORKFLOW}" AND TaskQueue = {queue} AND CloseTime > "{since.isoformat()}"'
        listed = self.client.list_workflows(query, limit=_LISTED, rpc_timeout=RPC_LIMIT)
        return [closed.id.removeprefix(run_workflow_id("")) async for closed in listed]
