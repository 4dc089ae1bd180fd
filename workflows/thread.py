"""`ThreadWorkflow`: the only place where runs of a thread are admitted, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import (
    RetryPolicy,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from ..contracts.types import RunError, RunStatus
    from ..contracts.wire import (
        ACTIVITY_FINISH_RUN,
        ACTIVITY_WATCH_RUN,
        ERROR_THREAD_BUSY,
        RUN_WORKFLOW,
        SEARCH_ASSISTANT_ID,
        SEARCH_RUN_STATUS,
        SEARCH_THREAD_ID,
        SEARCH_USER_ID,
        SIGNAL_ADMIT,
        SIGNAL_CANCEL,
        THREAD_WORKFLOW,
        UPDATE_SUBMIT,
        Admission,
        FinishInput,
        RunInput,
        RunOutcome,
        Submission,
        ThreadInput,
        ThreadRun,
        ThreadState,
        WatchInput,
        WatchResult,
        run_workflow_id,
    )
    from . import admission

_LINGER = timedelta(seconds=30)
"""How long a thread without runs stays open: a conversation's next turn finds it there."""
_MAX_SUBMISSIONS = 1000
"""Temporal takes 2,000 updates of one execution."""
_FOR_EVER = timedelta(days=3650)
_MACHINE_FAILURES = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10))

Signal = Callable[[str, Any], Awaitable[None]]


@workflow.defn(name=THREAD_WORKFLOW)
class ThreadWorkflow:
    """Starts each run as a child that outlives it, admits the first in line, and looks after it to its end.

    Before it continues as new it lets what it has begun settle: a child whose start is pending would be lost.
    So from then on it starts nothing, keeps what comes in, and hands it all to its next execution.
    """

    @workflow.init
    def __init__(self, thread: ThreadInput) -> None:
        self._thread = thread
        self._state = thread.state or ThreadState()
        self._cared_for: set[str] = set()
        """Run ids, only ever looked up."""
        self._tasks: list[asyncio.Task[None]] = []
        """Kept here, because the event loop alone does not keep a task alive."""
        self._pending = 0
        """Child starts and signals whose outcome is not known yet."""
        self._submissions = 0
        self._changes = 0

    @workflow.update(name=UPDATE_SUBMIT, description="Admit a run to the thread")
    def submit(self, submission: Submission) -> Admission:
        """Never waits: it decides and remembers; the main loop starts the run in the same workflow task."""
        try:
            answer = admission.submit(self._state, submission)
        except admission.BusyError as exc:
            raise ApplicationError(str(exc), exc.run_id, type=ERROR_THREAD_BUSY, non_retryable=True) from exc
        self._submissions += 1
        self._changed()
        return answer

    @workflow.run
    async def run(self, thread: ThreadInput) -> None:
        while True:
            self._care()
            seen = self._changes
            if self._draining and self._pending == 0:
                await workflow.wait_condition(workflow.all_handlers_finished)
                if self._pending == 0:
                    workflow.continue_as_new(thread.model_copy(update={"state": self._state}))
            if not await self._wait_for_change(seen) and self._idle(seen):
                return

    async def _wait_for_change(self, seen: int) -> bool:
        """False when an idle thread has lingered long enough."""
        try:
            await workflow.wait_condition(
                lambda: self._changes != seen, timeout=None if self._state.runs or self._pending else _LINGER
            )
        except TimeoutError:
            return False
        return True

    def _idle(self, seen: int) -> bool:
        """Looked at again after the timer: a submission may have come in the same workflow task."""
        return self._changes == seen and not self._state.runs and workflow.all_handlers_finished()

    @property
    def _draining(self) -> bool:
        return workflow.info().is_continue_as_new_suggested() or self._submissions >= _MAX_SUBMISSIONS

    def _changed(self) -> None:
        self._changes += 1

    # The care for each run.

    def _care(self) -> None:
        """Start the runs that are new, and look after the one that is first in line."""
        head = admission.first(self._state)
        for run in self._state.runs:
            if run.submission.run_id not in self._cared_for:
                self._care_for(run, head)

    def _care_for(self, run: ThreadRun, head: ThreadRun | None) -> None:
        if not run.started and self._draining:
            return
        if run.started and run is not head:
            # Carried over from an earlier execution, and in line. It is not watched: a watch takes an activity's
            # slot. If it ends there, that is noticed when it comes to be first.
            if run.cancel is not None and not run.cancel_told:
                self._spawn(self._tell(run, _external(run)))
            return
        self._cared_for.add(run.submission.run_id)
        if run.started:
            self._spawn(self._care_for_carried(run))
        else:
            run.admitted = run is head
            self._spawn(self._start_and_care(run))

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(asyncio.create_task(coroutine))

    async def _start_and_care(self, run: ThreadRun) -> None:
        self._pending += 1
        try:
            handle = await self._start(run)
        except WorkflowAlreadyStartedError:
            handle = None
            run.admitted = False  # what this start would have told it, it was not told
        run.started = True
        self._pending -= 1
        self._changed()
        if handle is None:
            # It was submitted before this thread's memory begins. It has ended, or goes on.
            await self._care_for_carried(run)
        else:
            await self._care_until(run, handle.signal, asyncio.create_task(_child_end(handle)))

    async def _start(self, run: ThreadRun) -> workflow.ChildWorkflowHandle[Any, RunOutcome]:
        wanted = run.submission
        return await workflow.start_child_workflow(
            RUN_WORKFLOW,
            RunInput(
                run_id=wanted.run_id,
                thread_id=self._thread.thread_id,
                assistant_id=wanted.assistant_id,
                limits=wanted.limits,
                sequence=run.sequence,
                admitted=run.admitted,
                user_id=wanted.user_id,
            ),
            id=run_workflow_id(wanted.run_id),
            result_type=RunOutcome,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            search_attributes=_search_attributes(self._thread.thread_id, wanted),
            static_summary=wanted.summary,
            static_details=f"Run {run.sequence} of thread `{self._thread.thread_id}`",
        )

    async def _care_for_carried(self, run: ThreadRun) -> None:
        watch = workflow.start_activity(
            ACTIVITY_WATCH_RUN,
            WatchInput(run_id=run.submission.run_id),
            result_type=WatchResult,
            start_to_close_timeout=_FOR_EVER,
            heartbeat_timeout=timedelta(seconds=30),
            retry_policy=_MACHINE_FAILURES,
            summary=f"run {run.sequence} of this thread",
        )
        await self._care_until(run, _external(run), watch)

    async def _care_until(self, run: ThreadRun, signal: Signal, end: asyncio.Task[WatchResult]) -> None:
        """Pass on what the thread decides for a run, until the run ends; then free its place."""
        while not end.done():
            await self._tell(run, signal)
            await workflow.wait_condition(lambda: end.done() or self._untold(run))
        result = end.result()
        if not result.finished:
            await self._repair(run, result.cause or "its workflow ended from outside")
        self._end(run)

    def _untold(self, run: ThreadRun) -> bool:
        if run.cancel is not None and not run.cancel_told:
            return True
        return not run.admitted and run is admission.first(self._state)

    async def _tell(self, run: ThreadRun, signal: Signal) -> None:
        while self._untold(run):
            self._pending += 1
            try:
                if run.cancel is not None and not run.cancel_told:
                    run.cancel_told = True
                    await signal(SIGNAL_CANCEL, {"action": run.cancel})
                else:
                    run.admitted = True
                    await signal(SIGNAL_ADMIT, None)
            except ApplicationError as exc:  # it has just ended; its end is on its way to us
                workflow.logger.info("run %s could not be signalled: %s", run.submission.run_id, exc)
            finally:
                self._pending -= 1
                self._changed()

    async def _repair(self, run: ThreadRun, cause: str) -> None:
        """Its workflow was terminated, so nobody has written its end."""
        try:
            await workflow.execute_activity(
                ACTIVITY_FINISH_RUN,
                FinishInput(
                    run_id=run.submission.run_id,
                    thread_id=self._thread.thread_id,
                    fence=int(workflow.time() * 1000),
                    status=RunStatus.ERROR,
                    error=RunError(type="Terminated", message=f"the run was ended from outside: {cause}"),
                ),
                result_type=RunOutcome,
                start_to_close_timeout=timedelta(seconds=60),
                retry_policy=_MACHINE_FAILURES,
                summary=f"repair of run {run.sequence}",
            )
        except ActivityError as exc:  # its record was deleted: nothing is left to repair, and the thread goes on
            workflow.logger.warning("run %s is not repaired: %s", run.submission.run_id, exc.cause)

    def _end(self, run: ThreadRun) -> None:
        admission.ended(self._state, run)
        self._cared_for.discard(run.submission.run_id)
        self._changed()


async def _child_end(handle: workflow.ChildWorkflowHandle[Any, RunOutcome]) -> WatchResult:
    try:
        await handle
    except ChildWorkflowError as exc:
        return WatchResult(finished=False, cause=str(exc.cause))
    return WatchResult(finished=True)


def _external(run: ThreadRun) -> Signal:
    handle: workflow.ExternalWorkflowHandle[Any] = workflow.get_external_workflow_handle(
        run_workflow_id(run.submission.run_id)
    )

    async def signal(name: str, payload: Any) -> None:
        await handle.signal(name, payload)

    return signal


def _search_attributes(thread_id: str, wanted: Submission) -> TypedSearchAttributes:
    values = {
        SEARCH_THREAD_ID: thread_id,
        SEARCH_ASSISTANT_ID: wanted.assistant_id,
        SEARCH_RUN_STATUS: RunStatus.PENDING.value,
        SEARCH_USER_ID: wanted.user_id,
    }
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(SearchAttributeKey.for_keyword(name), value)
        for name, value in values.items()
        if value is not None
    ]
    return TypedSearchAttributes(pairs)
