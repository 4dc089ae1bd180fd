"""The slices of a run: each an activity, where the run's graph is alive, or else anywhere.

A slice goes to the common task queue, where the worker that has just completed the workflow's task starts it at once:
most often the one that holds the graph. Another one executes nothing and sends it on: then the holder's own queue is
asked, for a moment, and after that anybody takes the run over. A worker that shuts down says so itself: nobody is
waited for then. A run whose graph has a task queue of its own has that one for the common one; its holder is asked
at once. The run's input says which it is: another routing is for the runs that come.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutType
from temporalio.exceptions import TimeoutError as ActivityTimeoutError

from ..contracts.types import Stop
from ..contracts.wire import (
    ACTIVITY_REQUEST_STOP,
    ACTIVITY_RUN_SUPERSTEPS,
    RunInput,
    RunProgress,
    SliceInput,
    SliceResult,
)
from ..contracts.wire_ending import StopInput
from ..contracts.wire_serving import graph_task_queue
from . import run_state
from .short_activities import UNLIMITED, machine_failures, sent_on
from .ui_text import slice_summary
from .work import next_work

_STOPPING = timedelta(seconds=30)
"""For a slice to stop its graph when `step_timeout` is over. One that cannot (its event loop is blocked) is left."""
_TO_HOLDER = timedelta(seconds=2)
"""For the holder of a graph to take its slice. One that is there takes it at once, also while a node blocks its event
loop (the SDK polls in threads of its own). It is waited out where a worker was killed between two slices only."""
# The server's name for it: a step that is too slow is the run's end and no reason to try again.
_SLICE_FAILURES = machine_failures(but=["TemporalTimeout:StartToClose"])
_ONCE = RetryPolicy(maximum_attempts=1)
"""Of a slice for the holder: a second attempt would wait for it once more, and anybody can take the run over."""


class Slices:
    """Acts on the state of the run's workflow; runs inside of it."""

    def __init__(self, run: RunInput, state: RunProgress) -> None:
        self._run = run
        self._state = state

    async def next(self) -> SliceResult:
        """The next one. Raises `ActivityError` for what is the run's end, or a reason to try its graph again."""
        state = self._state
        try:
            return await self._next()
        except ActivityError as exc:
            found = sent_on(exc)
            if found is None or run_state.must_stop(state):
                raise
        state.resumed = state.resumed or found.begun > state.takeovers
        state.takeovers = found.begun
        serving = graph_task_queue(workflow.info().task_queue, self._run.assistant_id)
        # For as long as it takes: nobody may serve the graph just now.
        return await self._execute(self._given(lost=found.lost), at=serving)

    async def _next(self) -> SliceResult:
        state, queue = self._state, self._run.task_queue
        if queue is not None and state.holder is not None:  # no eager start brings a slice to its holder there
            return await self._ask_holder()
        result = await self._execute(self._given(), at=queue)
        if result.outcome != "elsewhere":
            return result
        if run_state.must_stop(state):
            await self.release()
            return result
        state.takeovers += result.attempt - 1  # one of them may have begun, and have died before it could say so
        return await self._ask_holder()

    async def _ask_holder(self) -> SliceResult:
        state, lost = self._state, False
        if state.holder is not None:  # else it has said meanwhile that it holds the graph no more
            try:
                return await self._execute(self._given(), at=state.holder, held=True)
            except ActivityError as exc:
                if run_state.must_stop(state) or not _is_of_machine(exc):
                    raise
                lost = _is_lost(exc)
            state.takeovers += 1
        state.holder, state.resumed = None, True
        return await self._execute(self._given(lost=lost), at=self._run.task_queue)

    async def release(self) -> None:
        """The run ends while its graph is held: it is let go before anything else is done to the thread."""
        if (holder := self._state.holder) is None:
            return
        try:
            await self._start(self._given(release=True), at=holder, held=True)
        except ActivityError as exc:  # its worker is gone, or frozen: the fence keeps it out
            workflow.logger.info("run %s: its graph is not let go: %s", self._run.run_id, exc.cause)
        self._state.holder = None

    def _given(self, *, lost: bool = False, release: bool = False) -> SliceInput:
        state = self._state
        return SliceInput(
            **next_work(self._run, state),
            assistant_id=self._run.assistant_id,
            slice=state.slices,
            takeovers=state.takeovers,
            steps=state.steps,
            limits=self._run.limits,
            breakpoint=state.breakpoint,
            answers=state.answers,
            resumed=state.resumed,
            drain=state.interrupt,
            holder=state.holder,
            given=state.given,
            asked_ref=state.asked_ref,
            lost=lost,
            release=release,
            may_end=self._run.last_slice_ends,
        )

    async def _execute(self, given: SliceInput, *, at: str | None = None, held: bool = False) -> SliceResult:
        handle = self._start(given, at=at, held=held)
        stopper = asyncio.create_task(self._stop_when_asked(handle))
        stopper.add_done_callback(_look_at)
        try:
            return await handle
        except ActivityError as exc:
            if exc.started_event_id:  # whoever had it has let go of the graph
                self._state.holder = None
            raise
        finally:
            stopper.cancel()

    def _start(self, given: SliceInput, *, at: str | None, held: bool) -> workflow.ActivityHandle[SliceResult]:
        """`at`: the task queue, if not the common one. `held`: it is the holder's own, who is asked once."""
        limits = self._run.limits
        return workflow.start_activity(
            ACTIVITY_RUN_SUPERSTEPS,
            given,
            result_type=SliceResult,
            task_queue=at,
            schedule_to_start_timeout=_TO_HOLDER if held else None,
            start_to_close_timeout=UNLIMITED
            if limits.step_timeout is None
            else timedelta(seconds=limits.step_timeout) + _STOPPING,
            heartbeat_timeout=timedelta(seconds=limits.heartbeat_timeout),
            retry_policy=_ONCE if held else _SLICE_FAILURES,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary=slice_summary(self._state),
        )

    async def _stop_when_asked(self, slice: workflow.ActivityHandle[SliceResult]) -> None:
        """The stop channel makes a stop fast, the activity's cancellation makes it certain."""
        state = self._state
        await workflow.wait_condition(lambda: run_state.must_stop(state) or state.interrupt)
        if not run_state.must_stop(state):
            await self._request_stop(Stop.AT_BOUNDARY)
            await workflow.wait_condition(lambda: run_state.must_stop(state))
        slice.cancel()
        await self._request_stop(Stop.NOW)

    async def _request_stop(self, stop: Stop) -> None:
        # A local activity: it must not wait for a slot behind the very slices that it stops.
        await workflow.execute_local_activity(
            ACTIVITY_REQUEST_STOP,
            StopInput(run_id=self._run.run_id, stop=stop, installation=self._run.installation),
            start_to_close_timeout=timedelta(seconds=10),
        )


def _is_of_machine(failure: ActivityError) -> bool:
    """Whether another worker can do what this one could not."""
    cause = failure.cause
    if isinstance(cause, ActivityTimeoutError):
        return cause.type != TimeoutType.START_TO_CLOSE
    return isinstance(cause, ApplicationError) and not cause.non_retryable


def _is_lost(failure: ActivityError) -> bool:
    """Whether the worker was lost over it."""
    return isinstance(failure.cause, ActivityTimeoutError) and failure.cause.type == TimeoutType.HEARTBEAT


def _look_at(stopper: asyncio.Task[None]) -> None:
    """A stop that comes with the end of its slice fails as cancelled, which is nothing to log."""
    if not stopper.cancelled():
        stopper.exception()
