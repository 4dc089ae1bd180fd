"""A run whose record and whose workflow disagree: Temporal wins, and the record is repaired.

That happens when a workflow was terminated, or failed, and no thread sees to it (a stateless run has none), when
Temporal has lost its workflows (its database was removed, or what has ended was forgotten), and after a power cut. Each
case is decided by `describe`, which is strongly consistent, and none while a workflow of the run or of its thread goes
on. A Temporal to which a run was not submitted cannot tell that it is gone: such a run is left as it is, unless the
installation's own server has a new database, or an operator has said so (`perdure abandon`). A repair may happen any
number of times, in several workers and beside that of the thread: the record takes one end, the stream one terminal
event. Drafts, whose submission never got through, are removed after an hour.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from temporalio.api.errordetails.v1 import NotFoundFailure
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.service import RPCError, RPCStatusCode

from ..activities import BackEnds
from ..activities.attempt.fence import attempt_fence
from ..activities.finalizer import Finalizer
from ..activities.thread_told import tell_thread
from ..contracts.errors import RunNotFoundError
from ..contracts.search_attributes import RUN_STATUS
from ..contracts.telemetry.redaction import withheld
from ..contracts.types import TERMINAL_EVENTS, CancelAction, RunError, RunRecord, RunStatus
from ..contracts.wire import TERMINATED, RunOutcome, run_workflow_id, thread_workflow_id
from ..contracts.wire_ending import FinishInput, outcome_in
from ..contracts.workers import served_graphs
from ..store.contract import StoredRun
from .connection import RPC_LIMIT
from .pollers import namespace_id

logger = logging.getLogger(__name__)

DRAFT_LIFETIME = timedelta(hours=1)
"""No submission takes that long: who made the draft has given up, or is dead."""
_CANCELLED = {
    RunStatus.INTERRUPTED: CancelAction.INTERRUPT,
    RunStatus.ROLLED_BACK: CancelAction.ROLLBACK,
}


@dataclass(frozen=True, slots=True)
class Repair:
    """Brings runs of one task queue to the end that Temporal knows of."""

    client: Client
    task_queue: str
    ends: BackEnds
    ending: Finalizer
    own_place: Callable[[], str | None] = lambda: None
    """Where the server's files are, if it is the installation's own: a new one there takes the place of the old."""
    left: set[str] = field(default_factory=set[str])
    """Namespaces in which there are runs that are left as they are."""

    async def look(self, run_id: str) -> None:
        """Do what has to be done for a run, which is nothing for one in good order.

        Raises `RPCError` or `PerdureError` when that is not possible now; it is safe to repeat.
        """
        if await self._unended(run_id) is None:
            return
        workflow = await self._describe(run_workflow_id(run_id))
        # Only now is it certain that a workflow that ended properly has written its end.
        stored = await self._unended(run_id)
        if stored is None:
            return
        if workflow is None or _is_of_an_earlier_run(workflow, stored.record):
            await self._without_workflow(stored)
        elif workflow.status is WorkflowExecutionStatus.RUNNING:
            if not stored.submitted:
                await self.ends.store.mark_submitted(run_id)
        elif workflow.task_queue == self.task_queue:
            await self._finish(await self._end(workflow, stored.record))

    async def _unended(self, run_id: str) -> StoredRun | None:
        """The run, if its record or its stream has no end."""
        stored = await self.ends.store.get(run_id)
        if stored is None or (stored.record.status.terminal and await self._announced(run_id)):
            return None
        return stored

    async def _announced(self, run_id: str) -> bool:
        """Whether nobody waits for the stream's terminal event (any more)."""
        try:
            last = await self.ends.bridge.last_event_id(run_id)
            async with aclosing(self.ends.bridge.subscribe(run_id, last_event_id=max(0, last - 1))) as events:
                return last > 0 and (await anext(events)).event in TERMINAL_EVENTS
        except RunNotFoundError:
            return True

    async def _without_workflow(self, stored: StoredRun) -> None:
        record = stored.record
        if not await self._may_know(stored):
            return
        thread = await self._describe(thread_workflow_id(record.thread_id))
        if thread is not None and thread.status is WorkflowExecutionStatus.RUNNING:
            return  # it may be about to start the run; and it repairs the runs that it knows
        if stored.submitted:
            await self._finish(_ended_from_outside(record, "its workflow is gone", datetime.now(UTC)))
        elif datetime.now(UTC) - record.updated_at > DRAFT_LIFETIME and await self.ends.store.discard(
            record.run_id, taken_up=record.updated_at
        ):
            await self.ends.bridge.cleanup(record.run_id)

    async def _may_know(self, stored: StoredRun) -> bool:
        """Whether this Temporal can tell that the run is gone: it was submitted here, or what it was submitted to is.

        Another Temporal knows nothing of it, and its end would be untrue: the worker may have been pointed at the
        wrong server.
        """
        here, there = await namespace_id(self.client), stored.temporal
        if there is None or there == here:
            return True
        if (place := self.own_place()) is not None:
            await self.ends.store.meet_temporal(here, place)
        if await self.ends.store.is_gone(there):
            return True
        if there not in self.left:
            self.left.add(there)
            logger.error(
                "run %s, and perhaps others, were submitted to another Temporal (namespace %s) than the one at %s "
                "(namespace %s), and are left as they are. Point the worker at that one; if it is gone for good, end "
                "its runs with `perdure abandon %s`",
                stored.record.run_id,
                there,
                self.client.service_client.config.target_host,
                here,
                there,
            )
        return False

    async def _end(self, workflow: WorkflowExecutionDescription, record: RunRecord) -> FinishInput:
        """The end that the closed workflow came to."""
        closed = workflow.close_time or datetime.now(UTC)
        handle = self.client.get_workflow_handle(workflow.id, run_id=workflow.run_id, result_type=RunOutcome)
        try:
            outcome = await handle.result(follow_runs=False, rpc_timeout=RPC_LIMIT)
        except WorkflowFailureError as exc:
            outcome = outcome_in(exc.cause) or _cancelled(workflow, record)
            if outcome is None:
                return _ended_from_outside(record, str(exc.cause), closed)
        return _finish_input(record, closed, outcome)

    async def _finish(self, finish: FinishInput) -> None:
        spec = await self.ends.store.get_spec(finish.run_id)
        if await self._others_serve(spec.assistant_id):
            return  # one of them looks, too, and can read the values
        await self.ending.promise(finish.run_id, spec)
        record = (await self.ending.finish(finish, spec, fence=attempt_fence(finish.fence, 1))).record
        await tell_thread(self.client, record.thread_id, record.run_id)
        why = "" if record.error is None else f": {withheld(record.error.message)}"
        logger.warning("run %s is repaired; it ended as %s%s", record.run_id, record.status, why)

    async def _others_serve(self, graph: str) -> bool:
        if graph in self.ends.graphs.names:
            return False
        return graph in served_graphs(await self.ends.store.workers.list(self.task_queue), datetime.now(UTC))

    async def _describe(self, workflow_id: str) -> WorkflowExecutionDescription | None:
        """The newest execution, `None` without any."""
        try:
            return await self.client.get_workflow_handle(workflow_id).describe(rpc_timeout=RPC_LIMIT)
        except RPCError as exc:
            if not is_missing(exc):
                raise
            return None


def is_missing(error: RPCError) -> bool:
    """Whether there is no such workflow, or none that goes on. A namespace that is missing says nothing of it."""
    return error.status is RPCStatusCode.NOT_FOUND and any(
        detail.Is(NotFoundFailure.DESCRIPTOR) for detail in error.grpc_status.details
    )


def _is_of_an_earlier_run(workflow: WorkflowExecutionDescription, record: RunRecord) -> bool:
    """Whether the id stood for a run that was deleted, before this record was made."""
    return workflow.close_time is not None and workflow.close_time < record.created_at


def _ended_from_outside(record: RunRecord, cause: str, moment: datetime) -> FinishInput:
    why = f"the run was ended from outside: {cause}"
    outcome = RunOutcome(run_id=record.run_id, status=RunStatus.ERROR, error=why, error_type=TERMINATED)
    return _finish_input(record, moment, outcome)


def _cancelled(workflow: WorkflowExecutionDescription, record: RunRecord) -> RunOutcome | None:
    """The end of a run whose workflow is Canceled, which tells no more than the status that it shows."""
    shown = workflow.typed_search_attributes.get(RUN_STATUS)
    if workflow.status is not WorkflowExecutionStatus.CANCELED or shown not in _CANCELLED:
        return None
    return RunOutcome(run_id=record.run_id, status=RunStatus(shown), cancelled=True)


def _finish_input(record: RunRecord, moment: datetime, outcome: RunOutcome) -> FinishInput:
    """The end at `moment`, whose fence is larger than those before it, and smaller than those of a later reset."""
    error = None if outcome.error is None else RunError(type=outcome.error_type or "Error", message=outcome.error)
    return FinishInput(
        run_id=record.run_id,
        thread_id=record.thread_id,
        fence=int(moment.timestamp() * 1000) + 1,
        status=outcome.status,
        steps=outcome.steps,
        cancel_action=_CANCELLED.get(outcome.status) if outcome.cancelled else None,
        error=error,
    )
