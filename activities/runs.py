"""The activities of a run: thin, each around one idea of its own module."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from temporalio import activity
from temporalio.client import Client, WorkflowFailureError
from temporalio.service import RPCError, RPCStatusCode

from ..bridge.contract import Bridge, NewEvent
from ..checkpoints.contract import Checkpoints
from ..contracts.errors import (
    GraphLoadError,
    PerdureError,
    RunNotFoundError,
    RunStateError,
)
from ..contracts.metrics import instruments
from ..contracts.serialization import to_json
from ..contracts.types import METADATA_EVENT, RunRecord, RunSpec, RunTrouble
from ..contracts.wire import (
    ACTIVITY_ANNOUNCE_QUESTIONS,
    ACTIVITY_CHANGE_STATE,
    ACTIVITY_DELETE_THREAD,
    ACTIVITY_DELIVER_EVENTS,
    ACTIVITY_FINISH_RUN,
    ACTIVITY_REQUEST_STOP,
    ACTIVITY_RESTORE_THREAD,
    ACTIVITY_RUN_SUPERSTEPS,
    ACTIVITY_WATCH_RUN,
    ERROR_WORKER_SHUTDOWN,
    FinishInput,
    GraphFailure,
    NotifyInput,
    QuestionsInput,
    RestoreInput,
    RestoreResult,
    RunOutcome,
    SliceInput,
    SliceResult,
    StopInput,
    run_workflow_id,
)
from ..contracts.wire_thread import (
    ChangeStateInput,
    DeleteThreadInput,
    DeletionAnswer,
    StateChanged,
    WatchInput,
    WatchResult,
)
from ..store.contract import Store
from .boundary import translated
from .courier import Courier
from .ending import Ending
from .failures import MachineFailure, graph_failure
from .fence import attempt_fence, own_fence
from .graphs import GraphRegistry
from .heartbeat import Pulse, Say, heartbeating
from .human import human_message
from .slice import GraphRaised, Slice, SliceFailed, SliceParts
from .spans import end_run_span
from .specs import SpecCache
from .state import States
from .surroundings import surroundings
from .suspects import Suspects
from .takeovers import check_takeovers, setback, told
from .threads import Threads

logger = logging.getLogger(__name__)

T = TypeVar("T")


class RunActivities:
    """Everything of a run that has side effects."""

    def __init__(
        self,
        *,
        graphs: GraphRegistry,
        bridge: Bridge,
        store: Store,
        checkpoints: Checkpoints,
        client: Client,
        pulse: Pulse,
        courier: Courier,
    ) -> None:
        self._pulse = pulse
        self._courier = courier
        self._parts = SliceParts(graphs, bridge, checkpoints, store.events)
        self._ending = Ending(graphs, bridge, store, checkpoints, courier)
        self._threads = Threads(bridge, store, checkpoints)
        self._states = States(graphs, store, checkpoints)
        self._store = store
        self._client = client
        self._specs = SpecCache(store)
        self._suspects = Suspects(store)

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
            self.deliver_events,
        ]

    @activity.defn(name=ACTIVITY_RUN_SUPERSTEPS)
    async def run_supersteps(self, slice: SliceInput) -> SliceResult:
        """Run the graph to its next pause, question or end."""
        async with surroundings(slice, self._pulse) as heartbeat:
            return await translated(self._run_slice(slice, activity.info().attempt, heartbeat.say))

    @activity.defn(name=ACTIVITY_ANNOUNCE_QUESTIONS)
    async def announce_questions(self, asks: QuestionsInput) -> None:
        """Tell readers what the run waits for, once its workflow waits. Idempotent."""
        async with surroundings(asks, self._pulse):
            await translated(self._announce(asks))

    @activity.defn(name=ACTIVITY_RESTORE_THREAD)
    async def restore_thread(self, restore: RestoreInput) -> RestoreResult:
        """Give the thread back as it was before the run. Idempotent."""
        async with surroundings(restore, self._pulse):
            fence = own_fence(restore.fence)
            return await translated(self._threads.restore(restore, fence=fence))

    @activity.defn(name=ACTIVITY_DELETE_THREAD)
    async def delete_thread(self, deletion: DeleteThreadInput) -> DeletionAnswer:
        """Remove a thread: its runs' records and streams, its checkpoints. Idempotent."""
        async with heartbeating(self._pulse):
            return await translated(self._threads.delete(deletion))

    @activity.defn(name=ACTIVITY_CHANGE_STATE)
    async def change_state(self, change: ChangeStateInput) -> StateChanged:
        """Change a thread's state from outside. Idempotent."""
        async with heartbeating(self._pulse):
            fence = own_fence(change.fence)
            return await translated(self._states.change(change, fence=fence))

    @activity.defn(name=ACTIVITY_FINISH_RUN)
    async def finish_run(self, finish: FinishInput) -> RunOutcome:
        """Write the end of a run. Idempotent."""
        async with surroundings(finish, self._pulse):
            return await translated(self._end_run(finish))

    @activity.defn(name=ACTIVITY_REQUEST_STOP)
    async def request_stop(self, stop: StopInput) -> None:
        """Tell the worker that executes a run to stop, within milliseconds."""
        await translated(self._parts.bridge.cancel(stop.run_id, stop=stop.stop))

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
                return WatchResult(finished=False, cause=str(exc.cause))
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
        async with heartbeating(self._pulse):
            await translated(self._deliver(notify))

    async def _run_slice(self, slice: SliceInput, attempt: int, say: Say) -> SliceResult:
        fence = attempt_fence(slice.fence, attempt)
        resumed = slice.slice == 0 or attempt > 1 or slice.resumed
        spec = await (self._specs.full if resumed else self._specs.without_input)(slice.run_id)
        trouble = await self._begin(slice, spec, fence, attempt, say) if resumed else None
        number = slice.takeovers + attempt
        work = Slice(self._parts, slice, spec, fence=fence, resumed=resumed, attempt=number, say=say)
        async with self._suspects.turn(slice, trouble, fence=fence, say=say):
            result = await self._run_graph(work, slice.run_id, attempt)
        if attempt > 1 or slice.lost:
            await self._store.clear_trouble(slice.run_id, fence=fence)
        return result.model_copy(update={"attempt": attempt})

    async def _run_graph(self, slice: Slice, run_id: str, attempt: int) -> SliceResult:
        try:
            return await slice.run()
        except (RunStateError, GraphLoadError) as exc:
            error: BaseException = exc
        except GraphRaised as exc:
            error = exc.__cause__ or exc
        except (SliceFailed, PerdureError, asyncio.CancelledError):
            raise
        except BaseException as exc:  # noqa: BLE001 - whatever a graph raises is its failure
            error = exc
        # Not as the failure's cause: a text of some MB would be more than Temporal takes, and it would learn nothing.
        failure = graph_failure(error, attempt)
        logger.warning("run %s: the graph raised\n%s", run_id, cast("GraphFailure", failure.details[0]).error.traceback)
        raise failure

    async def _begin(self, slice: SliceInput, spec: RunSpec, fence: int, attempt: int, say: Say) -> RunTrouble | None:
        """Take the fence everywhere, and announce the attempt to those who read; the run's trouble."""
        number = slice.takeovers + attempt
        data = {"run_id": slice.run_id, "thread_id": slice.thread_id, "attempt": number}
        announcement = NewEvent(METADATA_EVENT, to_json(data), key=f"attempt\n{number}")
        # The record first: of a run that was deleted nothing may come back.
        record = await self._store.mark_running(
            slice.run_id,
            fence=fence,
            attempt=number,
            sequence=slice.sequence or None,
            human_message=human_message(spec.input),
            setback=await setback(self._client, self._parts.checkpoints, slice, lost=slice.lost),
        )
        if record.status.terminal:
            raise RunNotFoundError(slice.run_id)
        if record.trouble is not None:
            say(told(record.trouble))
        await check_takeovers(record, slice, spec, self._parts.checkpoints)
        _measure_begin(record, number)
        self._courier.tell(slice.run_id)
        await self._parts.checkpoints.take(slice.run_id, slice.thread_id, fence=fence)
        await self._parts.bridge.create(slice.run_id)
        await self._check_not_deleted(slice.run_id)
        await self._parts.bridge.publish(slice.run_id, [announcement], fence=fence)
        if number == 1:
            instruments().first_event.record(_since(record), {"graph": record.assistant_id})
        return record.trouble

    async def _check_not_deleted(self, run_id: str) -> None:
        """A worker that was frozen since it saw the record has made anew what went with a deletion."""
        if await self._store.get(run_id) is None:
            await self._parts.bridge.cleanup(run_id)
            await self._parts.checkpoints.forget(run_id)
            raise RunNotFoundError(run_id)

    async def _announce(self, asks: QuestionsInput) -> None:
        spec = await self._specs.without_input(asks.run_id)
        await self._ending.announce(asks, spec, fence=own_fence(asks.fence))

    async def _deliver(self, notify: NotifyInput) -> None:
        try:
            spec = await self._specs.without_input(notify.run_id)
        except RunNotFoundError:
            return  # it was deleted, and its events with it
        webhook = spec.webhook is not None
        await self._courier.deliver_for_temporal(notify.run_id, webhook=webhook, required=notify.required)

    async def _end_run(self, finish: FinishInput) -> RunOutcome:
        spec = await self._specs.without_input(finish.run_id)
        record = await self._ending.finish(finish, spec, fence=own_fence(finish.fence))
        self._specs.drop(finish.run_id)
        end_run_span(finish.trace, record)
        _measure_end(record)
        return RunOutcome(
            run_id=finish.run_id,
            status=record.status,
            steps=record.steps,
            error=record.error.message if record.error else None,
        )


def _measure_begin(record: RunRecord, number: int) -> None:
    about = {"graph": record.assistant_id}
    if number == 1:
        instruments().queue_time.record(_since(record), about)
    else:
        instruments().takeovers.add(1, about)


def _measure_end(record: RunRecord) -> None:
    about = {"graph": record.assistant_id}
    instruments().runs.add(1, {**about, "status": record.status.value})
    if record.cancel_action is not None:
        instruments().cancels.add(1, {**about, "action": record.cancel_action.value})


def _since(record: RunRecord) -> float:
    """Seconds since the run was created. Clocks of several machines may disagree."""
    return max(0.0, (datetime.now(UTC) - record.created_at).total_seconds())
