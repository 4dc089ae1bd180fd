"""The life of one run, as its workflow lives it: admission, slice after slice, questions, the end."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutType
from temporalio.exceptions import TimeoutError as ActivityTimeoutError

from ..contracts.search_attributes import RUN_STATUS
from ..contracts.types import CancelAction, RunError, RunStatus
from ..contracts.wire import (
    ACTIVITY_ANNOUNCE_QUESTIONS,
    ACTIVITY_FINISH_RUN,
    ACTIVITY_RESTORE_THREAD,
    ERROR_GRAPH,
    QuestionsInput,
    RunInput,
    RunOutcome,
    RunProgress,
    Wire,
)
from ..contracts.wire_ending import FinishInput, GraphFailure, RestoreInput, RestoreResult
from . import run_state
from .short_activities import short_activity
from .slices import Slices
from .ui_text import current_details
from .work import next_work

T = TypeVar("T")


class RunLoop:
    """Acts on the state that the workflow's signals change; runs inside the workflow."""

    def __init__(self, run: RunInput, state: RunProgress) -> None:
        self._run = run
        self._state = state
        self._slices = Slices(run, state)
        self._error: RunError | None = None
        """Why the run fails, for the workflow's page."""
        self._outcome: RunOutcome | None = None
        self._in_last_slice = False
        """Maybe: a slice that may end the run has not come back, or did not say how the graph's end was written."""

    async def live(self) -> RunOutcome:
        """From admission to the end. Raises Temporal's continue-as-new on the way."""
        timer = asyncio.create_task(self._watch_run_timeout())
        try:
            await self._wait_for_admission()
            done, error = False, None
            while (status := run_state.ending(self._state, done=done, error=error)) is None:
                self._continue_as_new_if_suggested()
                done, error = await self._turn()
                if self._outcome is not None:
                    return self._outcome
            return await self._finish(status, error)
        finally:
            timer.cancel()

    @property
    def may_have_ended(self) -> bool:
        """Whether its end may be written, in a slice that this workflow has not heard of yet."""
        return self._in_last_slice and self._outcome is None

    @property
    def ends_as_cancelled(self) -> bool:
        """Whether it was cancelled before its end was decided. It is known unless it `may_have_ended`."""
        ended = self._outcome is not None and self._outcome.status is RunStatus.SUCCESS
        return self._state.cancel is not None and not ended

    async def _wait_for_admission(self) -> None:
        state = self._state
        await workflow.wait_condition(lambda: state.admitted or self._ends)
        waited = (workflow.now() - workflow.info().workflow_start_time).total_seconds()
        # Not once a slice has run: a continue-as-new is no new start.
        if self._run.limits.after_seconds > waited and not self._ends and state.slices == 0:
            await self._pause(self._run.limits.after_seconds - waited)

    @property
    def _ends(self) -> bool:
        return run_state.must_stop(self._state) or self._state.interrupt

    async def _pause(self, seconds: float) -> None:
        try:
            await workflow.wait_condition(lambda: self._ends, timeout=timedelta(seconds=seconds))
        except TimeoutError:
            return

    async def _turn(self) -> tuple[bool, RunError | None]:
        """One slice, and what follows from it: whether the graph is done, and the error it ended with."""
        self._show(RunStatus.RUNNING)
        self._in_last_slice = self._run.last_slice_ends
        try:
            result = await self._slices.next()
        except ActivityError as exc:
            return False, await self._after_failure(exc)
        self._in_last_slice = self._in_last_slice and result.outcome in ("done", "elsewhere")
        run_state.accept_result(self._state, result)
        if result.ended is not None:
            self._outcome = result.ended
            self._show(result.ended.status)
        if result.outcome == "asks" and not self._ends:
            return False, await self._after_question()
        if result.outcome == "stopped":
            self._state.interrupt = True
        if result.outcome == "timeout":
            self._state.timeout = self._too_slow
        return result.outcome == "done", None

    async def _after_failure(self, failure: ActivityError) -> RunError | None:
        state = self._state
        cause = failure.cause
        if run_state.must_stop(state):
            return None
        if isinstance(cause, ActivityTimeoutError) and cause.type == TimeoutType.START_TO_CLOSE:
            state.timeout = self._too_slow
            return None
        if not isinstance(cause, ApplicationError) or cause.type != ERROR_GRAPH or not cause.details:
            return RunError(type=type(cause).__name__, message=str(cause))
        raised = GraphFailure.model_validate(cause.details[0])
        run_state.accept_failure(state, raised)
        delay = run_state.retry_delay(state, self._run.limits.retry, raised)
        if delay is None:
            return raised.error
        state.graph_attempts += 1
        state.resumed = True
        await self._pause(delay)
        return None

    @property
    def _too_slow(self) -> str:
        return f"a superstep took longer than step_timeout ({self._run.limits.step_timeout:g} s)"

    async def _after_question(self) -> RunError | None:
        """Wait for a human, at no worker's cost."""
        state = self._state
        if self._run.limits.on_interrupt == "finish":
            state.interrupt = True
            return None
        self._show(RunStatus.AWAITING_INPUT)
        await self._announce_questions()
        limit = self._run.limits.awaiting_timeout
        try:
            await workflow.wait_condition(
                lambda: state.status is not RunStatus.AWAITING_INPUT or self._ends,
                timeout=None if limit is None else timedelta(seconds=limit),
            )
        except TimeoutError:
            # An answer may come in the same workflow task. (With the SDK's default order of today the wait has ended
            # by it then, so no history has this case, and no patch is needed.)
            if state.status is RunStatus.AWAITING_INPUT:
                state.timeout = f"nobody answered within awaiting_timeout ({limit:g} s)"
        state.resumed = True
        return None

    async def _announce_questions(self) -> None:
        """Only now that an answer would be taken: who reads the question may answer it at once."""
        asks = QuestionsInput(
            **next_work(self._run, self._state),
            steps=self._state.steps,
            keep_as=run_state.keep_questions_as(self._state, self._run.run_id),
            refused=self._state.refused,
            spent=run_state.take_spent(self._state),
        )
        count = len(self._state.questions) or self._state.asked
        await self._write(ACTIVITY_ANNOUNCE_QUESTIONS, asks, type(None), f"asks {count or 'at a breakpoint'}")

    async def _watch_run_timeout(self) -> None:
        limit, state = self._run.limits.run_timeout, self._state
        if limit is None:
            return
        state.deadline = state.deadline or workflow.time() + limit
        await asyncio.sleep(max(0.0, state.deadline - workflow.time()))
        state.timeout = state.timeout or f"the run took longer than run_timeout ({limit:g} s)"

    def _continue_as_new_if_suggested(self) -> None:
        # Between two slices only: nothing of the run is under way then, and what was signalled is in its state.
        if workflow.info().is_continue_as_new_suggested():
            workflow.continue_as_new(self._run.model_copy(update={"progress": self._state}))

    async def _finish(self, status: RunStatus, error: RunError | None) -> RunOutcome:
        state = self._state
        if status is RunStatus.TIMEOUT:
            error = RunError(type="Timeout", message=state.timeout or "")
        cancelled = state.cancel or (CancelAction.INTERRUPT if self._was_interrupted else None)
        state.status = status  # from here on a cancel comes too late
        await self._slices.release()
        if status is RunStatus.ROLLED_BACK:
            status, error = await self._restore()
        self._error = error if status in (RunStatus.ERROR, RunStatus.TIMEOUT) else None
        self._show(status)
        finish = FinishInput(
            **next_work(self._run, self._state),
            status=status,
            steps=state.steps,
            cancel_action=cancelled if status is RunStatus.INTERRUPTED else state.cancel,
            error=self._error,
        )
        summary = f"{status} after {state.steps} supersteps"
        self._outcome = await self._write(ACTIVITY_FINISH_RUN, finish, RunOutcome, summary)
        return self._outcome

    async def _restore(self) -> tuple[RunStatus, RunError | None]:
        """Give the thread back as it was before the run, and say so when that is not possible."""
        if self._state.fence == 0:  # the run has never executed anything
            return RunStatus.ROLLED_BACK, None
        restore = RestoreInput(**next_work(self._run, self._state))
        result = await self._write(ACTIVITY_RESTORE_THREAD, restore, RestoreResult, "rollback")
        if result.restored:
            return RunStatus.ROLLED_BACK, None
        return RunStatus.ERROR, RunError(type="RollbackError", message=result.reason or "")

    async def _write(self, activity: str, arg: Wire, result_type: type[T], summary: str) -> T:
        heartbeat = timedelta(seconds=self._run.limits.heartbeat_timeout)
        graph = self._run.assistant_id
        result = await short_activity(activity, arg, result_type, summary=summary, heartbeat=heartbeat, graph=graph)
        if self._state.trouble is not None:
            self.show_trouble(None)
        return result

    def show_trouble(self, text: str | None) -> None:
        """On the workflow's page, until what fails has succeeded."""
        self._state.trouble = text
        workflow.set_current_details(current_details(self._run, self._state, self._error))

    def show_refused(self, why: str) -> None:
        """On the workflow's page, and to who asks for its status: nobody was told when the answer came as a signal."""
        self._state.refused = why
        workflow.set_current_details(current_details(self._run, self._state))

    @property
    def _was_interrupted(self) -> bool:
        """Ended by the `interrupt` signal, and not because its graph asks and the run was told to end then."""
        return self._state.interrupt and not (
            self._run.limits.on_interrupt == "finish"
            and (self._state.questions or self._state.asked or self._state.breakpoint)
        )

    def _show(self, status: RunStatus) -> None:
        """The run's story in the Temporal UI."""
        self._state.status = status
        if status is not self._state.shown:
            self._state.shown = status
            workflow.upsert_search_attributes([RUN_STATUS.value_set(status)])
        workflow.set_current_details(current_details(self._run, self._state, self._error))
