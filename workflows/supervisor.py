"""What a thread does for each of its runs: start it, admit it, pass on a cancel, and see to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError, WorkflowAlreadyStartedError

from ..contracts.run_start import run_start
from ..contracts.types import RunError, RunStatus
from ..contracts.wire import (
    ACTIVITY_CHANGE_STATE,
    ACTIVITY_DELETE_THREAD,
    ACTIVITY_FINISH_RUN,
    ACTIVITY_WATCH_RUN,
    RUN_WORKFLOW,
    SIGNAL_ADMIT,
    SIGNAL_CANCEL,
    TERMINATED,
    RunOutcome,
    run_workflow_id,
)
from ..contracts.wire_ending import FinishInput, ended_by_itself
from ..contracts.wire_serving import short_task_queue
from ..contracts.wire_thread import (
    ChangeStateInput,
    DeleteThreadInput,
    DeletionAnswer,
    StateChange,
    StateChanged,
    ThreadRun,
    ThreadState,
    WatchInput,
    WatchResult,
    run_input,
)
from . import admission
from .short_activities import HEARTBEAT, MACHINE_FAILURES, UNLIMITED, short_activity

_PAUSE = 1.0
"""Seconds before a thread that could not be removed, because one of its runs went on, is looked at again."""

ChildHandle = workflow.ChildWorkflowHandle[Any, RunOutcome]


class ThreadSupervisor:
    """Acts on the state that submissions change; runs inside the thread's workflow.

    What is to be done for a run is seen in one pass over the line, made by the thread's loop whenever something has
    changed. Nothing waits for a condition of its own: a line may be thousands of runs long, and a replay is timed.
    """

    def __init__(self, thread_id: str, state: ThreadState) -> None:
        self._thread_id = thread_id
        self._state = state
        self._cared_for: set[str] = set()
        """Runs that are being started, or waited for. Ids, only ever looked up; so are the next ones."""
        self._being_told: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        """Kept here, because the event loop alone does not keep a task alive."""
        self.pending = 0
        """Child starts and signals whose outcome is not known yet."""
        self.changes = 0
        self._doubted = False
        """Whether the run that its client has started goes on."""

    def look_after_all(self, *, draining: bool) -> None:
        """Start the runs that are new (unless `draining`), tell each what was decided, watch the first in line."""
        head = admission.first(self._state)
        for run in self._state.runs:
            if not self.has_begun(run):
                self._begin(run, head, draining=draining)
            if run.started and _untold(run, head) and run.submission.run_id not in self._being_told:
                self._being_told.add(run.submission.run_id)
                self._spawn(self._tell(run))

    def has_begun(self, run: ThreadRun) -> bool:
        """Whether a run is being started, or waited for."""
        return run.submission.run_id in self._cared_for

    def changed(self) -> None:
        """Something has happened that the thread's loop has to look at."""
        self.changes += 1

    def doubt(self) -> None:
        """Somebody was refused for a run in line: if it has ended without a word, that is to be found out."""
        self._doubted = True
        self.changed()

    def _begin(self, run: ThreadRun, head: ThreadRun | None, *, draining: bool) -> None:
        # Started now, it would be lost with a continue-as-new: a child whose start is pending is not carried over.
        # (One that its client has started goes on already: it is to be known, or it could not be cancelled.)
        must_wait = not run.started and draining and not run.direct
        # Carried over from an earlier execution, and in line: a watch takes an activity's slot. If the run ends there,
        # that is noticed when it comes to be first.
        needs_no_watch = run.started and run is not head
        if must_wait or needs_no_watch:
            return
        self._cared_for.add(run.submission.run_id)
        run.admitted = run.admitted or (run is head and not run.started)
        self._spawn(self._care_for(run))

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(asyncio.create_task(coroutine))

    async def _care_for(self, run: ThreadRun) -> None:
        """See to a run until its end; then free its place."""
        handle = None if run.started else await self._start(run)
        if run.direct and not await self._has_to_watch(run):
            self._cared_for.discard(run.submission.run_id)
            return
        result = await (self._watch(run) if handle is None else _child_end(handle))
        if not result.finished:
            await self._repair(run, result.cause or "its workflow ended from outside")
        self._end(run)

    async def _has_to_watch(self, run: ThreadRun) -> bool:
        """Wait until a run has told of its end itself, or somebody waits for that: it may have been terminated."""
        state = self._state
        await workflow.wait_condition(
            lambda: self._doubted or state.runs != [run] or state.delete_up_to is not None  # each has to be cheap
        )
        return run in state.runs

    async def _start(self, run: ThreadRun) -> ChildHandle | None:
        """The run's workflow; `None` if there was one before this thread's memory begins: it goes on, or has ended."""
        self.pending += 1
        try:
            handle = await self._start_child(run)
        except WorkflowAlreadyStartedError:
            run.admitted = False  # what this start would have told it, it was not told
            return None
        else:
            run.direct = False  # its client has died before it did that
            return handle
        finally:
            run.started = True
            self.pending -= 1
            self.changed()

    async def _start_child(self, run: ThreadRun) -> ChildHandle:
        # The line does not say for each run whose stores have it: the thread says it for all of them.
        submission = run.submission.model_copy(update={"installation": self._state.installation})
        given = run_input(self._thread_id, submission, sequence=run.sequence, admitted=run.admitted)
        return await workflow.start_child_workflow(
            RUN_WORKFLOW,
            given,
            result_type=RunOutcome,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            **run_start(given, submission),
            static_details=f"Run {run.sequence} of thread `{self._thread_id}`",
        )

    async def _watch(self, run: ThreadRun) -> WatchResult:
        return await workflow.execute_activity(
            ACTIVITY_WATCH_RUN,
            WatchInput(run_id=run.submission.run_id),
            result_type=WatchResult,
            task_queue=short_task_queue(workflow.info().task_queue),
            start_to_close_timeout=UNLIMITED,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=MACHINE_FAILURES,
            summary=f"run {run.sequence} of this thread",
        )

    async def _tell(self, run: ThreadRun) -> None:
        """Pass on what the thread has decided: one after the other, so that no cancel comes behind an admission."""
        handle: workflow.ExternalWorkflowHandle[Any] = workflow.get_external_workflow_handle(
            run_workflow_id(run.submission.run_id)
        )
        self.pending += 1
        try:
            while _untold(run, admission.first(self._state)):
                if run.cancel is not None and not run.cancel_told:
                    run.cancel_told = True
                    await handle.signal(SIGNAL_CANCEL, {"action": run.cancel})
                else:
                    run.admitted = True
                    await handle.signal(SIGNAL_ADMIT, None)
        except ApplicationError as exc:  # it has just ended; its end is on its way to us
            workflow.logger.info("run %s could not be signalled: %s", run.submission.run_id, exc)
            self._doubted = True
        finally:
            self.pending -= 1
            self._being_told.discard(run.submission.run_id)
            self.changed()

    async def _repair(self, run: ThreadRun, cause: str) -> None:
        """Its workflow was terminated, so nobody has written its end."""
        try:
            await short_activity(
                ACTIVITY_FINISH_RUN,
                FinishInput(
                    installation=self._state.installation,
                    anywhere=not run.submission.assistant_id,
                    run_id=run.submission.run_id,
                    thread_id=self._thread_id,
                    sequence=run.sequence,
                    fence=int(workflow.time() * 1000),
                    status=RunStatus.ERROR,
                    error=RunError(type=TERMINATED, message=f"the run was ended from outside: {cause}"),
                    user_id=run.submission.user_id,
                    trace=run.submission.trace,
                ),
                RunOutcome,
                summary=f"repair of run {run.sequence}",
                graph=run.submission.assistant_id or None,
                limit=timedelta(seconds=60),
            )
        except ActivityError as exc:  # its record was deleted: nothing is left to repair, and the thread goes on
            workflow.logger.warning("run %s is not repaired: %s", run.submission.run_id, exc.cause)

    async def change_state(self, change: StateChange) -> StateChanged:
        """Change the thread's state. Raises `ActivityError` when its graph refuses that."""
        return await short_activity(
            ACTIVITY_CHANGE_STATE,
            ChangeStateInput(thread_id=self._thread_id, fence=int(workflow.time() * 1000), change=change),
            StateChanged,
            summary="changes the state",
            graph=change.assistant_id,
        )

    async def delete(self) -> bool:
        """Remove the thread, whose runs in line have ended; whether there was anything to remove."""
        up_to, never_started = self._state.delete_up_to, self._state.never_started
        unused_since = self._state.delete_unused_since
        try:
            answer = await short_activity(
                ACTIVITY_DELETE_THREAD,
                DeleteThreadInput(
                    installation=self._state.installation,
                    thread_id=self._thread_id,
                    never_started=never_started,
                    user_id=self._state.delete_of,
                    unused_since=unused_since,
                ),
                DeletionAnswer,
                summary="removes the thread",
            )
        except ActivityError as exc:  # a run went while the activity listed them; it is still due, so we come again
            workflow.logger.warning("thread %s is not removed yet: %s", self._thread_id, exc.cause)
            await asyncio.sleep(_PAUSE)
            return True
        admission.deleted(self._state, up_to, unused_since)
        self.changed()
        return answer.existed

    def _end(self, run: ThreadRun) -> None:
        admission.ended(self._state, run)
        self._cared_for.discard(run.submission.run_id)
        self.changed()


def _untold(run: ThreadRun, head: ThreadRun | None) -> bool:
    return (run.cancel is not None and not run.cancel_told) or (run is head and not run.admitted)


async def _child_end(handle: ChildHandle) -> WatchResult:
    try:
        await handle
    except ChildWorkflowError as exc:
        return WatchResult(finished=ended_by_itself(exc.cause), cause=str(exc.cause))
    return WatchResult(finished=True)
