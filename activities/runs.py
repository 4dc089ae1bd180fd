"""The activities of a run: thin, each around one idea of its own module."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from temporalio import activity
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from ..bridge.contract import Bridge, NewEvent
from ..checkpoints.contract import Checkpoints
from ..contracts.errors import GraphLoadError, PerdureError, RunNotFoundError, RunStateError
from ..contracts.serialization import to_json
from ..contracts.types import METADATA_EVENT
from ..contracts.wire import (
    ACTIVITY_ANNOUNCE_QUESTIONS,
    ACTIVITY_FINISH_RUN,
    ACTIVITY_REQUEST_STOP,
    ACTIVITY_RUN_SUPERSTEPS,
    ACTIVITY_WATCH_RUN,
    ERROR_RUN_GONE,
    ERROR_WORKER_SHUTDOWN,
    FinishInput,
    QuestionsInput,
    RunOutcome,
    SliceInput,
    SliceResult,
    StopInput,
    WatchInput,
    WatchResult,
    run_workflow_id,
)
from ..store.contract import Store
from .ending import Ending
from .failures import graph_failure
from .fence import attempt_fence
from .graphs import GraphRegistry
from .heartbeat import heartbeating
from .slice import Slice, SliceFailed, SliceParts
from .specs import SpecCache

T = TypeVar("T")


class RunActivities:
    """Everything of a run that has side effects."""

    def __init__(
        self, *, graphs: GraphRegistry, bridge: Bridge, store: Store, checkpoints: Checkpoints, client: Client
    ) -> None:
        self._parts = SliceParts(graphs, bridge, checkpoints)
        self._ending = Ending(graphs, bridge, store, checkpoints)
        self._store = store
        self._client = client
        self._specs = SpecCache(store)

    @property
    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.run_supersteps, self.announce_questions, self.finish_run, self.request_stop, self.watch_run]

    @activity.defn(name=ACTIVITY_RUN_SUPERSTEPS)
    async def run_supersteps(self, slice: SliceInput) -> SliceResult:
        """Run the graph to its next pause, question or end."""
        async with heartbeating():
            return await _translated(self._run_slice(slice, activity.info().attempt))

    @activity.defn(name=ACTIVITY_ANNOUNCE_QUESTIONS)
    async def announce_questions(self, asks: QuestionsInput) -> None:
        """Tell readers what the run waits for, once its workflow waits. Idempotent."""
        await _translated(self._announce(asks, activity.info().attempt))

    @activity.defn(name=ACTIVITY_FINISH_RUN)
    async def finish_run(self, finish: FinishInput) -> RunOutcome:
        """Write the end of a run. Idempotent."""
        return await _translated(self._end_run(finish, activity.info().attempt))

    @activity.defn(name=ACTIVITY_REQUEST_STOP)
    async def request_stop(self, stop: StopInput) -> None:
        """Tell the worker that executes a run to stop, within milliseconds."""
        await _translated(self._parts.bridge.cancel(stop.run_id, stop=stop.stop))

    @activity.defn(name=ACTIVITY_WATCH_RUN)
    async def watch_run(self, watch: WatchInput) -> WatchResult:
        """Wait for the end of a run's workflow, however it ends."""
        async with heartbeating():
            try:
                await self._client.get_workflow_handle(run_workflow_id(watch.run_id)).result()
            except WorkflowFailureError as exc:
                return WatchResult(finished=False, cause=str(exc.cause))
            except RPCError as exc:
                if exc.status is RPCStatusCode.NOT_FOUND:  # it ended so long ago that Temporal has forgotten it
                    return WatchResult(finished=False, cause="its workflow is gone")
                raise
        return WatchResult(finished=True)

    async def _run_slice(self, slice: SliceInput, attempt: int) -> SliceResult:
        fence = attempt_fence(slice.fence, attempt)
        resumed = slice.slice == 0 or attempt > 1 or slice.resumed
        if resumed:
            await self._begin(slice, fence, attempt)
        spec = await (self._specs.full if resumed else self._specs.without_input)(slice.run_id)
        result = await self._run_graph(Slice(self._parts, slice, spec, fence=fence, resumed=resumed), attempt)
        return result.model_copy(update={"attempt": attempt})

    async def _run_graph(self, slice: Slice, attempt: int) -> SliceResult:
        try:
            return await slice.run()
        except (RunStateError, GraphLoadError) as exc:
            raise graph_failure(exc, attempt) from exc
        except (SliceFailed, PerdureError):
            raise
        except Exception as exc:
            raise graph_failure(exc, attempt) from exc

    async def _begin(self, slice: SliceInput, fence: int, attempt: int) -> None:
        """Take the fence everywhere, and announce the attempt to those who read."""
        number = slice.takeovers + attempt
        data = {"run_id": slice.run_id, "thread_id": slice.thread_id, "attempt": number}
        announcement = NewEvent(METADATA_EVENT, to_json(data), key=f"attempt\n{number}")
        # The record first: of a run that was deleted nothing may come back.
        record = await self._store.mark_running(slice.run_id, fence=fence, attempt=number)
        if record.status.terminal:
            raise RunNotFoundError(slice.run_id)
        await self._parts.checkpoints.take(slice.run_id, slice.thread_id, fence=fence)
        await self._parts.bridge.create(slice.run_id)
        await self._parts.bridge.publish(slice.run_id, [announcement], fence=fence)

    async def _announce(self, asks: QuestionsInput, attempt: int) -> None:
        spec = await self._specs.without_input(asks.run_id)
        await self._ending.announce(asks, spec, fence=attempt_fence(asks.fence, attempt))

    async def _end_run(self, finish: FinishInput, attempt: int) -> RunOutcome:
        spec = await self._specs.without_input(finish.run_id)
        record = await self._ending.finish(finish, spec, fence=attempt_fence(finish.fence, attempt))
        self._specs.drop(finish.run_id)
        return RunOutcome(
            run_id=finish.run_id,
            status=record.status,
            steps=record.steps,
            error=record.error.message if record.error else None,
        )


async def _translated(work: Awaitable[T]) -> T:
    """The boundary at which errors become Temporal's: retried without end, unless the run itself is at fault."""
    try:
        return await work
    except asyncio.CancelledError:
        raise _cancelled() from None
    except RunNotFoundError as exc:
        raise ApplicationError(str(exc), type=ERROR_RUN_GONE, non_retryable=True) from exc
    except (SliceFailed, PerdureError) as exc:
        raise ApplicationError(str(exc), type=type(exc).__name__) from exc


def _cancelled() -> BaseException:
    """Why Temporal cancelled this activity: only a cancel request is one, the rest has to be tried again."""
    details = activity.cancellation_details()
    if details is not None and details.worker_shutdown:
        return ApplicationError(
            "the worker shut down before the superstep ended; it is repeated", type=ERROR_WORKER_SHUTDOWN
        )
    return asyncio.CancelledError()
