"""The activities of a run: thin, each around one idea of its own module."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import activity
from temporalio.client import Client, WorkflowFailureError
from temporalio.service import RPCError, RPCStatusCode

from ..contracts.errors import RunNotFoundError
from ..contracts.lifecycle import ending_of
from ..contracts.types import RunRecord, RunStatus
from ..contracts.wire import (
    ACTIVITY_ANNOUNCE_QUESTIONS,
    ACTIVITY_CHANGE_STATE,
    ACTIVITY_DELETE_THREAD,
    ACTIVITY_DELIVER_EVENTS,
    ACTIVITY_FINISH_RUN,
    ACTIVITY_FIRE_CRON,
    ACTIVITY_READ_STATE,
    ACTIVITY_REQUEST_STOP,
    ACTIVITY_RESTORE_THREAD,
    ACTIVITY_RUN_SUPERSTEPS,
    ACTIVITY_WATCH_RUN,
    ERROR_WORKER_SHUTDOWN,
    QuestionsInput,
    RunOutcome,
    RunWork,
    SliceInput,
    SliceResult,
    run_workflow_id,
)
from ..contracts.wire_cron import FireResult, FiringInput
from ..contracts.wire_ending import FinishInput, RestoreInput, RestoreResult, StopInput, ended_by_itself
from ..contracts.wire_notify import NotifyInput
from ..contracts.wire_thread import (
    ChangeStateInput,
    DeleteThreadInput,
    DeletionAnswer,
    StateAnswer,
    StateChanged,
    StateQuery,
    WatchInput,
    WatchResult,
)
from ..observers.dispatcher import Dispatcher
from .attempt.boundary import translated
from .attempt.failures import MachineFailure
from .attempt.fence import own_fence
from .attempt.heartbeat import Heartbeat, Pulse, heartbeating
from .attempt.run_metrics import measure_end
from .attempt.spans import end_run_span
from .attempt.spec_cache import SpecCache
from .attempt.surroundings import surroundings
from .attempt.trouble import Troubles
from .driver.live_graphs import LiveGraphs
from .driver.slices import Slices
from .finalizer import Finalizer
from .graphs.answers import Answers
from .graphs.back_ends import BackEnds
from .graphs.graph_views import GraphViews
from .graphs.serving import Serving
from .graphs.state_updates import States
from .graphs.thread_copies import ThreadCopies
from .graphs.thread_pruning import Pruning
from .graphs.thread_state import Snapshots
from .thread_restore import Threads
from .thread_told import tell_thread

logger = logging.getLogger(__name__)

_CANCEL_LIMIT = timedelta(seconds=5)
"""For how the run's workflow is shown, nothing else: the end is written, and must not wait for it."""

T = TypeVar("T")
W = TypeVar("W", bound=RunWork)


class RunActivities:
    """Everything of a run that has side effects."""

    def __init__(
        self,
        *,
        ends: BackEnds,
        client: Client,
        pulse: Pulse,
        dispatcher: Dispatcher,
        live: LiveGraphs,
        task_queue: str,
        fire: Callable[[FiringInput], Awaitable[FireResult]],
    ) -> None:
        """`fire`: submits the run of a cron's firing, as a client would."""
        self._pulse = pulse
        self._serving = Serving(ends, task_queue)
        self._bridge = ends.bridge
        self._fire = fire
        self._dispatcher = dispatcher
        self._live = live
        self._ending = Finalizer(ends, dispatcher, live)
        self._threads = Threads(ends)
        self._troubles = Troubles(client, ends.store)
        self._snapshots = Snapshots(ends)
        self._copies = ThreadCopies(ends, self._snapshots)
        self._states = States(ends, self._snapshots)
        self._pruning = Pruning(ends)
        self._views = GraphViews(ends)
        self._store = ends.store
        self._client = client
        self._specs = SpecCache(ends.store)
        self._answers = Answers(ends.store.threads)
        self._slices = Slices(ends, self._specs, dispatcher, live, client, self._serving, self._troubles)

    @property
    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [
            self.run_supersteps,
            self.announce_questions,
            self.restore_thread,
            self.finish_run,
            self.request_stop,
            self.watch_run,
            self.delete_thread,
            self.change_state,
            self.read_state,
            self.deliver_events,
            self.fire_cron,
        ]

    @property
    def of_graphs(self) -> list[Callable[..., Any]]:
        """What needs a graph: a worker registers it for each that it serves."""
        return [self.run_supersteps, self.announce_questions, self.finish_run, self.change_state, self.read_state]

    @activity.defn(name=ACTIVITY_RUN_SUPERSTEPS)
    async def run_supersteps(self, slice: SliceInput) -> SliceResult:
        """Run the graph to its next pause or question, or to its end, which is the run's."""
        self._serving.check_ours(slice.installation)
        async with surroundings(slice, self._pulse) as heartbeat:
            result = await translated(self._answers.run(slice, self._slices.run, activity.info(), heartbeat))
            may_end = slice.may_end and result.outcome == "done" and not activity.is_cancelled()
            return await self._with_end(slice, result) if may_end else result

    @activity.defn(name=ACTIVITY_ANNOUNCE_QUESTIONS)
    async def announce_questions(self, asks: QuestionsInput) -> None:
        """Tell readers what the run waits for, once its workflow waits. Idempotent."""
        self._serving.check_ours(asks.installation)
        async with surroundings(asks, self._pulse) as heartbeat:
            await translated(self._repeated(asks, heartbeat, self._announce))

    @activity.defn(name=ACTIVITY_RESTORE_THREAD)
    async def restore_thread(self, restore: RestoreInput) -> RestoreResult:
        """Give the thread back as it was before the run. Idempotent."""
        self._serving.check_ours(restore.installation)
        async with surroundings(restore, self._pulse) as heartbeat:
            return await translated(self._repeated(restore, heartbeat, self._restore))

    @activity.defn(name=ACTIVITY_DELETE_THREAD)
    async def delete_thread(self, deletion: DeleteThreadInput) -> DeletionAnswer:
        """Remove a thread: its runs' records and streams, its checkpoints. Idempotent."""
        self._serving.check_ours(deletion.installation)
        async with heartbeating(self._pulse):
            return await translated(self._threads.delete(deletion))

    @activity.defn(name=ACTIVITY_CHANGE_STATE)
    async def change_state(self, change: ChangeStateInput) -> StateChanged:
        """Change a thread's state from outside. Idempotent."""
        self._serving.check_ours(change.change.installation)
        async with heartbeating(self._pulse):
            return await translated(self._change(change))

    @activity.defn(name=ACTIVITY_READ_STATE)
    async def read_state(self, query: StateQuery) -> StateAnswer:
        """Read a thread's state, by its graph. Changes nothing."""
        self._serving.check_ours(query.installation)
        async with heartbeating(self._pulse):
            return await translated(self._read(query))

    @activity.defn(name=ACTIVITY_FINISH_RUN)
    async def finish_run(self, finish: FinishInput) -> RunOutcome:
        """Write the end of a run. Idempotent."""
        self._serving.check_ours(finish.installation)
        async with surroundings(finish, self._pulse) as heartbeat:
            return await translated(self._repeated(finish, heartbeat, self._end_run))

    @activity.defn(name=ACTIVITY_REQUEST_STOP)
    async def request_stop(self, stop: StopInput) -> None:
        """Tell the worker that executes a run to stop, within milliseconds."""
        if not self._serving.is_ours(stop.installation):
            return  # the cancellation of its activity stops the run as well, only later
        await translated(self._bridge.cancel(stop.run_id, stop=stop.stop))

    @activity.defn(name=ACTIVITY_WATCH_RUN)
    async def watch_run(self, watch: WatchInput) -> WatchResult:
        """Wait for the end of a run's workflow, however it ends. Another worker goes on when this one stops."""
        async with heartbeating(self._pulse):
            watching = asyncio.ensure_future(self._client.get_workflow_handle(run_workflow_id(watch.run_id)).result())
            stopping = asyncio.create_task(activity.wait_for_worker_shutdown())
            try:
                await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if not watching.done():
                    raise MachineFailure("the worker shut down; another one watches", type=ERROR_WORKER_SHUTDOWN)
                watching.result()
            except WorkflowFailureError as exc:
                return WatchResult(finished=ended_by_itself(exc.cause), cause=str(exc.cause))
            except RPCError as exc:
                if exc.status is RPCStatusCode.NOT_FOUND:  # it ended so long ago that Temporal has forgotten it
                    return WatchResult(finished=False, cause="its workflow is gone")
                raise
            finally:
                watching.cancel()
                stopping.cancel()
        return WatchResult(finished=True)

    @activity.defn(name=ACTIVITY_DELIVER_EVENTS)
    async def deliver_events(self, notify: NotifyInput) -> None:
        """Tell observers what they have not been told of a run. It fails until those that are required are told."""
        self._serving.check_ours(notify.installation)
        async with heartbeating(self._pulse):
            await translated(self._deliver(notify))

    @activity.defn(name=ACTIVITY_FIRE_CRON)
    async def fire_cron(self, firing: FiringInput) -> FireResult:
        """Submit the run of a cron that is due. Idempotent."""
        self._serving.check_ours(firing.installation)
        async with heartbeating(self._pulse):
            return await translated(self._fire(firing))

    async def _repeated(self, work: W, heartbeat: Heartbeat, do: Callable[[W], Awaitable[T]]) -> T:
        """Until it succeeds, it is told what fails, and how often."""
        await self._troubles.look(work, fence=own_fence(work.fence), say=heartbeat.say)
        return await do(work)

    async def _restore(self, restore: RestoreInput) -> RestoreResult:
        return await self._threads.restore(restore, fence=own_fence(restore.fence))

    async def _announce(self, asks: QuestionsInput) -> None:
        spec = await self._specs.without_input(asks.run_id)
        await self._serving.check_served(spec.assistant_id, anywhere=asks.anywhere)
        await self._ending.announce(asks, spec, fence=own_fence(asks.fence))
        await self._live.close(asks.run_id)

    async def _change(self, change: ChangeStateInput) -> StateChanged:
        await self._serving.check_served(change.change.assistant_id, anywhere=change.anywhere)
        change_by = self._pruning.prune if change.change.prune else self._states.change
        return await change_by(change, fence=own_fence(change.fence))

    async def _read(self, query: StateQuery) -> StateAnswer:
        await self._serving.check_served(query.assistant_id, anywhere=query.anywhere)
        if query.copy_to is not None:
            return await self._copies.answer(query, query.copy_to)
        return await (self._snapshots.answer(query) if query.view is None else self._views.answer(query))

    async def _deliver(self, notify: NotifyInput) -> None:
        try:
            spec = await self._specs.without_input(notify.run_id)
        except RunNotFoundError:
            return  # it was deleted, and its events with it
        webhook = spec.webhook is not None
        await self._dispatcher.deliver_for_temporal(notify.run_id, webhook=webhook, required=notify.required)

    async def _with_end(self, slice: SliceInput, result: SliceResult) -> SliceResult:
        """The end of the run's graph, with the run's own. Where that fails, its workflow sees to it, for ever."""
        finish = FinishInput.model_validate(
            {**slice.model_dump(include=set(RunWork.model_fields)), "status": RunStatus.SUCCESS, "steps": result.steps}
        )
        ending = asyncio.create_task(self._end_run(finish))
        while not ending.done():
            with suppress(asyncio.CancelledError):  # it comes too late
                await asyncio.wait({ending})
        try:
            return result.model_copy(update={"ended": ending.result()})
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is told where it happens again
            logger.warning("run %s: its end cannot be written with its last slice: %r", slice.run_id, exc)
            return result

    async def _end_run(self, finish: FinishInput) -> RunOutcome:
        spec = await self._specs.without_input(finish.run_id)
        await self._serving.check_served(spec.assistant_id, anywhere=finish.anywhere)
        ended = await self._ending.finish(finish, spec, fence=own_fence(finish.fence))
        record = ended.record
        await self._live.close(finish.run_id)
        self._specs.drop(finish.run_id)
        end_run_span(finish.trace, record)
        measure_end(record)
        if finish.tells_thread:
            await tell_thread(self._client, finish.thread_id, finish.run_id)
        return RunOutcome(
            run_id=finish.run_id,
            status=record.status,
            steps=record.steps,
            error=record.error.message if record.error else None,
            error_type=record.error.type if record.error else None,
            next=list(ended.next),
            cancelled=await self._shown_as_cancelled(record),
        )

    async def _shown_as_cancelled(self, record: RunRecord) -> bool:
        """Whether Temporal knows that the run was cancelled, so that it shows its workflow as Canceled."""
        info = activity.info()
        if ending_of(record) != "run_cancelled" or info.workflow_id != run_workflow_id(record.run_id):
            return False
        workflow = self._client.get_workflow_handle(run_workflow_id(record.run_id), run_id=info.workflow_run_id)
        try:
            await workflow.cancel(reason=f"the run ended as {record.status}", rpc_timeout=_CANCEL_LIMIT)
        except RPCError as exc:
            if exc.status is not RPCStatusCode.ALREADY_EXISTS:  # it was Temporal that was asked to cancel it
                logger.warning("run %s: Temporal will not show it as cancelled: %s", record.run_id, exc.message)
                return False
        return True
