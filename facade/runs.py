"""`RunsFacade`: runs, from any process that reaches Temporal, the store and the bridge."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle

from ..bridge.contract import Bridge, parse_event_id
from ..contracts.errors import (
    InvalidRunError,
    NoWorkerError,
    RunNotFoundError,
    RunStateError,
    ThreadBusyError,
    UnavailableError,
    UnknownGraphError,
)
from ..contracts.settings import Settings
from ..contracts.types import CancelAction, RunRecord, RunSpec, StreamEvent, WaitResult
from ..contracts.wire import SIGNAL_CANCEL, SIGNAL_INTERRUPT, UPDATE_ANSWER, Admission, Answer, run_workflow_id
from ..store.contract import Store, StoredRun
from .planner import ExecutionPlanner, RunPlan, check_action
from .streams import cancelled_on_disconnect
from .submission import PollersCheck, Submitter
from .translation import AlreadySubmittedError, translated
from .wait import wait_for_run


class RunsFacade:
    """Creates, follows, stops and lists runs. Made by `perdure.connect`."""

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store,
        bridge: Bridge,
        temporal: Callable[[], Awaitable[Client]],
        workers_polling: PollersCheck,
    ) -> None:
        self._settings = settings
        self._store = store
        self._bridge = bridge
        self._temporal = temporal
        self._planner = ExecutionPlanner(settings.runs)
        self._submitter = Submitter(settings.temporal, workers_polling)
        self._graphs: set[str] = set()

    # Creating.

    async def create_background(self, spec: RunSpec) -> RunRecord:
        """Submit a run and return its record as soon as its place in the thread is certain.

        A `run_id` that was submitted before is the same run: its record, and no second execution. Raises
        `InvalidRunError` (also `UnknownGraphError`), `ThreadBusyError`, and, safe to repeat with the same `run_id`,
        `NoWorkerError` and other `UnavailableError`s. Nothing is left of a run that was refused.
        """
        plan = self._planner.plan(spec)
        client = await self._temporal()
        await self._submitter.wait_for_worker(client)
        await self._check_graph(plan.record.assistant_id)
        if spec.follow_up_to_run_id is not None:
            await self._existing(spec.follow_up_to_run_id)
        stored, created = await self._store.create(plan.record, plan.spec)
        _check_same_run(plan, stored.record)
        if stored.record.status.terminal:
            return stored.record
        await self._bridge.create(plan.run_id)
        return await self._submit(client, plan, created=created)

    async def create_and_stream(self, spec: RunSpec) -> tuple[RunRecord, AsyncGenerator[StreamEvent]]:
        """Submit a run and follow its stream from the first event. Raises as `create_background`.

        With `on_disconnect="cancel"`, closing the stream before its end cancels the run.
        """
        record = await self.create_background(spec)
        stream = self._bridge.subscribe(record.run_id)
        if spec.on_disconnect == "cancel":
            stream = cancelled_on_disconnect(stream, lambda: self.cancel(record.run_id))
        return record, stream

    async def create_and_wait(self, spec: RunSpec) -> tuple[RunRecord, WaitResult]:
        """Submit a run and wait until it ends or asks. The record is that of the submission."""
        record = await self.create_background(spec)
        return record, await wait_for_run(self._store, self._bridge, record.run_id)

    async def _submit(self, client: Client, plan: RunPlan, *, created: bool) -> RunRecord:
        try:
            admission = await self._admitted(client, plan)
        except AlreadySubmittedError:
            await self._check_not_used_up(client, plan, created=created)
            await self._store.mark_submitted(plan.run_id)
        except (ThreadBusyError, InvalidRunError):
            if created and await self._store.discard(plan.run_id):
                await self._bridge.cleanup(plan.run_id)
            raise
        else:
            if admission.known:
                await self._check_not_used_up(client, plan, created=created)
            await self._store.mark_submitted(plan.run_id, sequence=admission.sequence)
        return (await self._existing(plan.run_id)).record

    async def _check_not_used_up(self, client: Client, plan: RunPlan, *, created: bool) -> None:
        """Temporal knows the id, but there was no record: its run has been deleted."""
        if not created or not await self._has_closed(client, plan.run_id):
            return
        stored = await self._store.get(plan.run_id)
        if stored is None or stored.record.status.terminal:
            return
        await self._store.delete(plan.run_id)
        await self._bridge.cleanup(plan.run_id)
        raise InvalidRunError(f"run_id {plan.run_id!r} stood for a deleted run; choose another", field="run_id")

    async def _has_closed(self, client: Client, run_id: str) -> bool:
        try:
            with translated(self._settings.temporal, run_id=run_id):
                workflow = await client.get_workflow_handle(run_workflow_id(run_id)).describe()
        except RunNotFoundError:  # it is about to start
            return False
        return workflow.status is not WorkflowExecutionStatus.RUNNING

    async def _admitted(self, client: Client, plan: RunPlan) -> Admission:
        busy: ThreadBusyError | None = None
        async for _ in self._patience():
            try:
                return await self._submitter.submit(client, plan)
            except ThreadBusyError as exc:
                busy = exc
                holder = await self._store.get(exc.run_id)
                if holder is None or not holder.record.status.terminal:
                    raise
                # Its end has been seen, only not yet by its thread.
        raise busy or NoWorkerError(self._settings.temporal.task_queue, 0)

    async def _check_graph(self, name: str) -> None:
        if name not in self._graphs:
            self._graphs = set(await self._store.graphs(self._settings.temporal.task_queue))
        if name not in self._graphs:
            raise UnknownGraphError(name, self._graphs)

    # Following.

    async def join_stream(
        self, run_id: str, *, last_event_id: str | int | None = None, heartbeat_interval: float | None = None
    ) -> AsyncGenerator[StreamEvent]:
        """The run's events after `last_event_id` (all of them by default), live, up to its terminal event.

        `heartbeat_interval`: seconds of silence after which a `heartbeat` event is yielded. Raises
        `RunNotFoundError` and `InvalidEventIdError`, at once.
        """
        after = parse_event_id(last_event_id)
        await self._existing(run_id)
        return self._bridge.subscribe(run_id, last_event_id=after, heartbeat_interval=heartbeat_interval)

    async def join_wait(self, run_id: str, *, last_event_id: str | int | None = None) -> WaitResult:
        """Wait until the run ends or asks; a run that has ended answers at once. Raises `RunNotFoundError`."""
        parse_event_id(last_event_id)
        await self._existing(run_id)
        return await wait_for_run(self._store, self._bridge, run_id, last_event_id=last_event_id)

    # Stopping and answering.

    async def cancel(self, run_id: str, *, action: CancelAction | str = CancelAction.INTERRUPT) -> bool:
        """Stop a run at once; a queued one never starts. False when it has ended already. The first action wins."""
        action = check_action(action)
        return await self._signal(run_id, SIGNAL_CANCEL, {"action": action})

    async def interrupt(self, run_id: str) -> bool:
        """Stop a run at its next superstep boundary and keep everything. False when it has ended already."""
        return await self._signal(run_id, SIGNAL_INTERRUPT, None)

    async def resume(self, run_id: str, value: Any) -> None:
        """Answer the question of a run that awaits input; several open ones by `{interrupt_id: value}`.

        Raises `RunStateError` when the run does not wait or the answer fits no question.
        """
        record = (await self._existing(run_id)).record
        if record.status.terminal:
            raise RunStateError(run_id, f"the run does not wait for an answer (it is {record.status})")
        handle = await self._handle(run_id)
        with translated(self._settings.temporal, run_id=run_id):
            patience = timedelta(seconds=self._settings.temporal.submit_timeout)
            await handle.execute_update(UPDATE_ANSWER, Answer(value=value), rpc_timeout=patience)
        # The answer is taken. The record follows when a worker goes on; until then it would still show the question.
        async for _ in self._patience():
            stored = await self._store.get(run_id)
            if stored is None or stored.record.updated_at != record.updated_at:
                return

    async def _signal(self, run_id: str, name: str, payload: Any) -> bool:
        async for _ in self._patience():
            if (await self._existing(run_id)).record.status.terminal:
                return False
            handle = await self._handle(run_id)
            try:
                with translated(self._settings.temporal, run_id=run_id):
                    await handle.signal(name, payload)
            except RunNotFoundError:
                continue  # its workflow is about to start, or has just ended
            return True
        raise UnavailableError(f"run {run_id!r} cannot be reached: its workflow has not started; try again")

    async def _patience(self) -> AsyncIterator[None]:
        """Turns of a short wait, for `submit_timeout` at the most."""
        deadline = time.monotonic() + self._settings.temporal.submit_timeout
        while time.monotonic() < deadline:
            yield
            await asyncio.sleep(0.02)

    async def _handle(self, run_id: str) -> WorkflowHandle[Any, Any]:
        return (await self._temporal()).get_workflow_handle(run_workflow_id(run_id))

    # Records.

    async def get_run(self, run_id: str) -> RunRecord | None:
        """The run's record, `None` for an unknown run."""
        stored = await self._store.get(run_id)
        return None if stored is None or not await self._exists(stored) else stored.record

    async def list_runs(
        self, thread_id: str | None = None, *, limit: int = 100, before: str | None = None
    ) -> list[RunRecord]:
        """Records, newest first; of one thread, or of all. `before`: the run id at which the last page ended."""
        if limit < 1:
            raise InvalidRunError(f"limit must be 1 or more, not {limit}", field="limit")
        stored = await self._store.list(thread_id, limit=limit, before=before)
        return [run.record for run in stored if await self._exists(run)]

    async def delete_run(self, run_id: str) -> bool:
        """Remove a run's record and stream. A run in flight is cancelled, and has stopped, before. False if unknown."""
        stored = await self._store.get(run_id)
        if stored is None:
            return False
        if not stored.record.status.terminal and await self._exists(stored):
            await self.cancel(run_id)
            await wait_for_run(self._store, self._bridge, run_id, at_questions=False)
        deleted = await self._store.delete(run_id)
        await self._bridge.cleanup(run_id)
        return deleted

    async def _existing(self, run_id: str) -> StoredRun:
        stored = await self._store.get(run_id)
        if stored is None or not await self._exists(stored):
            raise RunNotFoundError(run_id)
        return stored

    async def _exists(self, stored: StoredRun) -> bool:
        """A draft is a run only if Temporal has it: its submission may have been cut off half way."""
        if stored.submitted:
            return True
        handle = await self._handle(stored.record.run_id)
        try:
            with translated(self._settings.temporal, run_id=stored.record.run_id):
                await handle.describe()
        except RunNotFoundError:
            return False
        await self._store.mark_submitted(stored.record.run_id)
        return True


def _check_same_run(plan: RunPlan, record: RunRecord) -> None:
    mine = plan.record
    if (record.thread_id, record.assistant_id) != (mine.thread_id, mine.assistant_id):
        raise InvalidRunError(
            f"run_id {plan.run_id!r} stands for a run of graph {record.assistant_id!r} on thread {record.thread_id!r}; "
            "leave it out to start another run",
            field="run_id",
        )
