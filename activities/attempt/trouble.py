"""Who is told that work for a run fails again and again: its record, and its pages in the Temporal UI."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError, TimeoutError, TimeoutType
from temporalio.service import RPCError

from ...contracts.errors import UnavailableError
from ...contracts.serialization.text import message_of
from ...contracts.types import RunError, RunTrouble
from ...contracts.wire import RunWork, SliceInput, run_workflow_id
from ...contracts.wire_steering import SIGNAL_TROUBLE
from ...store.contract import Setback, Store
from .heartbeat import Say

logger = logging.getLogger(__name__)

WORKER_LOST = "WorkerLostError"
"""The type of the error of a run that has lost too many workers, and of the trouble of one that has lost some."""

_RPC_LIMIT = timedelta(seconds=10)
"""Without one, a call to a server that hangs would never come back; so it is with each call to Temporal."""


@dataclass(frozen=True, slots=True)
class Troubles:
    """Tells of them."""

    client: Client
    store: Store

    async def look(self, work: RunWork, *, fence: int, say: Say) -> None:
        """At the begin of an activity that is repeated until it succeeds. A store that is away is not waited for."""
        info = activity.info()
        if info.attempt == 1:
            return
        setback = Setback(await last_failure(self.client, info), lost=False, times=info.attempt - 1)
        say(f"attempt {info.attempt}; {setback.failure.type}: {setback.failure.message}")
        try:
            trouble = await self.store.note_trouble(work.run_id, setback, fence=fence)
        except UnavailableError as exc:
            logger.info("run %s: its trouble is not in its record: %s", work.run_id, exc)
        else:
            await self.tell(work.run_id, trouble, say)

    async def raised(self, slice: SliceInput, error: RunError, *, fence: int) -> None:
        """By a graph that may be tried again: until then the run's record says what it waits for, and why."""
        if slice.limits.retry.max_attempts < 2:
            return
        try:
            await self.store.note_trouble(slice.run_id, Setback(error, lost=False), fence=fence)
        except UnavailableError as exc:
            logger.info("run %s: its trouble is not in its record: %s", slice.run_id, exc)

    async def tell(self, run_id: str, trouble: RunTrouble | None, say: Say) -> None:
        """Show it beside the activity; and on the run's own page after 1, 2, 4 … failures, for its history is short."""
        if trouble is None:
            return
        say(told(trouble))
        if trouble.count.bit_count() != 1 or activity.info().workflow_id != run_workflow_id(run_id):
            return
        try:
            handle = self.client.get_workflow_handle(run_workflow_id(run_id))
            await handle.signal(SIGNAL_TROUBLE, told(trouble), rpc_timeout=_RPC_LIMIT)
        except RPCError as exc:
            logger.info("the workflow of run %s is not told of its trouble: %s", run_id, exc)


def told(trouble: RunTrouble) -> str:
    """In a line, for the Temporal UI."""
    return f"{trouble.count} failed since {trouble.since:%Y-%m-%d %H:%M:%S} UTC; {trouble.type}: {trouble.message}"


async def was_lost(client: Client, info: activity.Info) -> bool:
    """Whether the attempt before this one of an activity was lost with its worker. False where nobody can say."""
    return info.attempt > 1 and (await last_failure(client, info)).type == WORKER_LOST


async def last_failure(client: Client, info: activity.Info) -> RunError:
    """Why the attempt before this one of an activity has failed, as far as Temporal knows."""
    try:
        handle = client.get_workflow_handle(info.workflow_id or "", run_id=info.workflow_run_id)
        found = (await handle.describe(rpc_timeout=_RPC_LIMIT)).raw_description.pending_activities
        failures = [one.last_failure for one in found if one.activity_id == info.activity_id]
        if failures:
            return _error(await client.data_converter.decode_failure(failures[0]))
    except RPCError as exc:
        logger.warning("why attempt %d of %s failed is not known: %s", info.attempt - 1, info.workflow_id, exc)
    return RunError(type="Unknown", message="Temporal did not say why the attempt failed")


def _error(failure: BaseException) -> RunError:
    if isinstance(failure, TimeoutError) and failure.type == TimeoutType.HEARTBEAT:
        return RunError(type=WORKER_LOST, message="the worker stopped answering: it was killed, crashed or froze")
    kind = failure.type if isinstance(failure, ApplicationError) and failure.type else type(failure).__name__
    text = failure.message if isinstance(failure, ApplicationError) else message_of(failure)
    return RunError(type=kind, message=text)
