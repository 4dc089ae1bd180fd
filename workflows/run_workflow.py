"""`RunWorkflow`: one run. What others may say to it, and its life."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from ..contracts.types import CancelAction, RunStatus
from ..contracts.wire import (
    ERROR_NOT_AWAITING,
    ERROR_NOT_CHECKED,
    QUERY_STATUS,
    RUN_WORKFLOW,
    SIGNAL_ADMIT,
    SIGNAL_CANCEL,
    SIGNAL_INTERRUPT,
    SIGNAL_RESUME,
    UPDATE_ANSWER,
    UPDATE_STOP,
    Answer,
    RunInput,
    RunOutcome,
    RunProgress,
)
from ..contracts.wire_steering import SIGNAL_LET_GO, SIGNAL_TROUBLE, RunStatusView, StopAnswer, StopRequest
from . import run_state
from .run_closing import closed
from .run_loop import RunLoop
from .shielded import shielded


@workflow.defn(name=RUN_WORKFLOW, sandboxed=False)
class RunWorkflow:
    """Waits to be admitted, runs slice after slice of its graph, and finishes. All of its state is one model."""

    @workflow.init  # signals and updates may be handled before `run` begins
    def __init__(self, run: RunInput) -> None:
        self._run = run
        self._state = run.progress or RunProgress(admitted=run.admitted)
        self._run_loop = RunLoop(self._run, self._state)

    @workflow.run
    async def run(self, run: RunInput) -> RunOutcome:
        outcome = await shielded(self._run_loop.live(), self._cancelled)
        if not workflow.all_handlers_finished():  # somebody is about to be told whether his stop came in time
            await workflow.wait_condition(workflow.all_handlers_finished)
        return closed(outcome)

    def _cancelled(self) -> None:
        """`temporal workflow cancel` is a cancel like any other. After a cancel, `finish_run` asks for it, too."""
        if not self._state.status.terminal:
            run_state.accept_cancel(self._state, CancelAction.INTERRUPT)

    # What others say. Signals take any JSON and never fail: a typed parameter would wedge the workflow for ever
    # when a signal comes without a payload or with two.

    @workflow.signal(name=SIGNAL_CANCEL, description='Stop at once: {"action": "interrupt"}, or "rollback"')
    def cancel(self, *args: Any) -> None:
        _try(lambda: run_state.accept_cancel(self._state, run_state.read_cancel(args)))

    @workflow.signal(name=SIGNAL_INTERRUPT, description="Stop at the next superstep boundary; no payload")
    def interrupt(self, *args: Any) -> None:
        self._state.interrupt = True

    @workflow.signal(name=SIGNAL_RESUME, description='Answer what the run asks: {"value": …}')
    def resume(self, *args: Any) -> None:
        refused = _try(lambda: run_state.accept_answer(self._state, run_state.read_resume(args)))
        if refused is not None and self._state.status is RunStatus.AWAITING_INPUT:
            self._run_loop.show_refused(refused)

    @workflow.signal(name=SIGNAL_ADMIT, description="From the run's thread: it may start")
    def admit(self, *args: Any) -> None:
        self._state.admitted = True

    @workflow.signal(name=SIGNAL_LET_GO, description="From a worker that shuts down: it holds the run's graph no more")
    def let_go(self, *args: Any) -> None:
        _try(lambda: run_state.accept_let_go(self._state, run_state.read_let_go(args)))

    @workflow.signal(name=SIGNAL_TROUBLE, description="From a worker: what fails again and again, and how often")
    def trouble(self, *args: Any) -> None:
        _try(lambda: self._run_loop.show_trouble(run_state.read_trouble(args)))

    @workflow.update(name=UPDATE_ANSWER, description="Answer what the run asks, or be told why that is not possible")
    def answer(self, answer: Answer) -> None:
        try:
            run_state.accept_answer(self._state, answer.value, ref=answer.ref, checked=answer.checked)
        except run_state.UncheckedError as exc:
            raise ApplicationError(str(exc), type=ERROR_NOT_CHECKED) from exc
        except run_state.RefusedError as exc:
            raise ApplicationError(str(exc), type=ERROR_NOT_AWAITING) from exc

    @workflow.update(name=UPDATE_STOP, description="Stop at once, or be told that the run's end has been decided")
    async def stop(self, request: StopRequest) -> StopAnswer:
        _try(lambda: run_state.accept_cancel(self._state, request.action))
        run_loop = self._run_loop
        # A cancel that is refused came after the decision: nothing is left to be known.
        if self._state.cancel is not None and run_loop.may_have_ended:
            await workflow.wait_condition(lambda: not run_loop.may_have_ended)
        return StopAnswer(accepted=run_loop.ends_as_cancelled)

    @workflow.query(name=QUERY_STATUS, description="Status, steps, next nodes and open questions")
    def status(self) -> RunStatusView:
        state = self._state
        return RunStatusView(
            run_id=self._run.run_id,
            thread_id=self._run.thread_id,
            status=state.status,
            steps=state.steps,
            next=state.next,
            questions={question.id: question.text for question in state.questions},
            more=state.more,
            asked=state.asked,
            refused=state.refused,
        )


def _try(change: Callable[[], None]) -> str | None:
    """What nobody waits for an answer to may be wrong, but harms nothing. Why it changes nothing, if so."""
    try:
        change()
    except run_state.RefusedError as exc:
        workflow.logger.warning("a signal changes nothing: %s", exc)
        return str(exc)
    return None
