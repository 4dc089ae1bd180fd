"""Typical runs and threads. Each is a story on a stage and returns the workflow whose history tells it.

A story goes on only when what it has caused is in the history (or the graph has got there), so that the order of
events is the order of causes and not of chance. Slices have no budget: each superstep is an activity of its own,
however fast the machine is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from support.graphs import count_to
from support.servers import until
from support.threads import DiedError, asleep, clients_die
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import CancelledError

from perdure import CronSpec, RetryPolicy, RunScope, RunSpec
from perdure.contracts.wire import (
    FIRE_WORKFLOW,
    SIGNAL_CANCEL,
    SIGNAL_DELIVER,
    SIGNAL_INTERRUPT,
    SIGNAL_RESUME,
    STATE_WORKFLOW,
    state_workflow_id,
)
from perdure.contracts.wire_thread import StateQuery
from perdure.workflows import thread_workflow

from .stage import SLOTS, Stage

Workflow = WorkflowHandle[Any, Any]
LINGERS = "TimerStarted"
"""The last thing that an idle thread does, for half a minute."""


async def one_step(stage: Stage) -> Workflow:
    await stage.runs.create_and_wait(stage.spec("counting", input=count_to(1)))
    return stage.run()


async def stateless(stage: Stage) -> Workflow:
    await stage.runs.create_and_wait(stage.spec("counting", input=count_to(1), scope=RunScope(kind="stateless")))
    return stage.run()


async def many_slices(stage: Stage) -> Workflow:
    await stage.runs.create_and_wait(stage.spec("counting", input=count_to(4)))
    return stage.run()


async def on_a_queue_of_its_own(stage: Stage) -> Workflow:
    await stage.runs.create_and_wait(stage.spec("routed", input=count_to(3)))
    return stage.run()


async def after_seconds(stage: Stage) -> Workflow:
    await stage.runs.create_and_wait(stage.spec("counting", input=count_to(1), after_seconds=0.1))
    return stage.run()


async def question_answered_by_signal(stage: Stage) -> Workflow:
    await stage.runs.create_and_wait(stage.spec("asking", input={"log": []}))
    await stage.seen(stage.run(), "ActivityTaskCompleted", 2)
    await stage.run().signal(SIGNAL_RESUME, {"value": "Ann"})
    return stage.run()


async def question_answered_by_update(stage: Stage) -> Workflow:
    await stage.runs.create_and_wait(stage.spec("asking", input={"log": []}))
    await stage.seen(stage.run(), "ActivityTaskCompleted", 2)
    await stage.runs.resume(stage.run().id.removeprefix("run-"), "Ann")
    return stage.run()


async def question_nobody_answers(stage: Stage) -> Workflow:
    await stage.runs.create_and_wait(stage.spec("asking", input={"log": []}, awaiting_timeout=0.3))
    return stage.run()


async def question_cancelled(stage: Stage) -> Workflow:
    await stage.runs.create_and_wait(stage.spec("asking", input={"log": []}))
    await stage.seen(stage.run(), "ActivityTaskCompleted", 2)
    await stage.run().signal(SIGNAL_CANCEL, {"action": "interrupt"})
    return stage.run()


async def question_cancelled_while_all_slots_are_taken(stage: Stage) -> Workflow:
    await stage.runs.create_and_wait(stage.spec("asking", input={"log": []}))
    await stage.seen(stage.run(), "ActivityTaskCompleted", 2)
    for number in range(SLOTS):
        scope = RunScope(thread_id=f"{stage.name}-{number}")
        await stage.runs.create_background(stage.spec("gated", f"other-{number}", input={"log": []}, scope=scope))
    await until(lambda: stage.gate.inside == SLOTS)
    await stage.run().signal(SIGNAL_CANCEL, {"action": "interrupt"})
    await _cancelled(stage.run())
    stage.gate.open.set()
    return stage.run()


async def _cancelled(run: Workflow) -> None:
    with pytest.raises(WorkflowFailureError) as caught:
        await run.result()
    assert isinstance(caught.value.cause, CancelledError)


async def cancelled_while_running(stage: Stage) -> Workflow:
    await stage.runs.create_background(stage.spec("gated", input={"log": []}))
    await stage.gate.entered.wait()
    await stage.run().signal(SIGNAL_CANCEL, {"action": "interrupt"})
    return stage.run()


async def cancelled_by_temporal(stage: Stage) -> Workflow:
    await stage.runs.create_background(stage.spec("gated", input={"log": []}))
    await stage.gate.entered.wait()
    await stage.run().cancel()
    return stage.run()


async def cancelled_while_queued(stage: Stage) -> Workflow:
    await stage.runs.create_background(stage.spec("gated", input={"log": []}))
    await stage.runs.create_background(stage.spec("counting", "queued", input=count_to(1)))
    await stage.seen(stage.thread, "ChildWorkflowExecutionStarted", 2)
    await stage.run("queued").signal(SIGNAL_CANCEL, {"action": "interrupt"})
    await _cancelled(stage.run("queued"))
    stage.gate.open.set()
    return stage.run("queued")


async def interrupted_at_a_boundary(stage: Stage) -> Workflow:
    await stage.runs.create_background(stage.spec("gated", input={"log": []}))
    await stage.gate.entered.wait()
    await stage.run().signal(SIGNAL_INTERRUPT)
    await stage.seen(stage.run(), "MarkerRecorded")
    stage.gate.open.set()
    return stage.run()


async def run_timeout(stage: Stage) -> Workflow:
    await stage.runs.create_and_wait(stage.spec("gated", input={"log": []}, run_timeout=1.0))
    return stage.run()


async def step_timeout(stage: Stage) -> Workflow:
    await stage.runs.create_and_wait(stage.spec("gated", input={"log": []}, step_timeout=0.5))
    return stage.run()


async def graph_error(stage: Stage) -> Workflow:
    await stage.runs.create_and_wait(stage.spec("failing", input={"log": []}))
    return stage.run()


async def graph_retried(stage: Stage) -> Workflow:
    retry = RetryPolicy(max_attempts=3, initial_interval=0.05)
    await stage.runs.create_and_wait(stage.spec("failing-twice", input={"log": []}, retry=retry))
    return stage.run()


async def queued_then_admitted(stage: Stage) -> Workflow:
    await _three_in_line(stage)
    return stage.run("second")


async def thread_with_three_runs(stage: Stage) -> Workflow:
    await _three_in_line(stage)
    await stage.seen(stage.thread, LINGERS)
    return stage.thread


async def _three_in_line(stage: Stage) -> None:
    await stage.runs.create_background(stage.spec("gated", input={"log": []}))
    for number, name in ((2, "second"), (3, "third")):
        await stage.runs.create_background(stage.spec("counting", name, input=count_to(1)))
        await stage.seen(stage.thread, "ChildWorkflowExecutionStarted", number)
    stage.gate.open.set()
    await stage.run("third").result()


async def thread_interrupted_by_a_newcomer(stage: Stage) -> Workflow:
    await stage.runs.create_background(stage.spec("gated", input={"log": []}))
    await stage.gate.entered.wait()
    await stage.runs.create_and_wait(
        stage.spec("counting", "newcomer", input=count_to(1), multitask_strategy="interrupt")
    )
    await stage.seen(stage.thread, LINGERS)
    return stage.thread


async def thread_that_refuses(stage: Stage) -> Workflow:
    await stage.runs.create_background(stage.spec("gated", input={"log": []}))
    await stage.seen(stage.thread, "ChildWorkflowExecutionStarted")
    with pytest.raises(Exception, match="is busy with run"):
        await stage.runs.create_background(stage.spec("counting", "refused", multitask_strategy="reject"))
    stage.gate.open.set()
    await stage.seen(stage.thread, LINGERS)
    return stage.thread


async def thread_whose_run_is_terminated(stage: Stage) -> Workflow:
    await stage.runs.create_background(stage.spec("gated", input={"log": []}))
    await stage.gate.entered.wait()
    await stage.seen(stage.thread, "ChildWorkflowExecutionStarted")
    await stage.run().terminate("by an operator")
    await stage.seen(stage.thread, LINGERS)
    return stage.thread


async def thread_carried_over(stage: Stage) -> Workflow:
    """The execution after a continue-as-new: a run that executes, one in line, one not yet started, a newcomer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(thread_workflow, "_MAX_SUBMISSIONS", 3)
        await stage.runs.create_background(stage.spec("gated", input={"log": []}))
        for name in ("second", "third"):
            await stage.runs.create_background(stage.spec("counting", name, input=count_to(1)))
        await stage.seen(stage.thread, "ActivityTaskScheduled")
    await stage.runs.create_background(stage.spec("counting", "newcomer", input=count_to(1)))
    await stage.seen(stage.thread, "ChildWorkflowExecutionStarted", 2)
    stage.gate.open.set()
    await stage.seen(stage.thread, LINGERS)
    return stage.thread


async def rolled_back(stage: Stage) -> Workflow:
    await stage.runs.create_background(stage.spec("gated", input={"log": []}))
    await stage.gate.entered.wait()
    await stage.runs.cancel(stage.run().id.removeprefix("run-"), action="rollback")
    return stage.run()


async def thread_that_is_removed(stage: Stage) -> Workflow:
    """A run executes, another one waits in line; both go with the thread, the one that waits first."""
    stage.gate.closed.clear()
    await stage.runs.create_background(stage.spec("gated", input={"log": []}))
    await stage.gate.entered.wait()
    await stage.runs.create_background(stage.spec("counting", "second", input=count_to(1)))
    await stage.seen(stage.thread, "ChildWorkflowExecutionStarted", 2)
    deleting = asyncio.create_task(stage.runs.delete_thread(stage.name))
    await stage.seen(stage.thread, "ChildWorkflowExecutionCanceled")
    stage.gate.closed.set()
    await deleting
    await stage.seen(stage.thread, LINGERS)
    return stage.thread


async def thread_whose_state_is_changed(stage: Stage) -> Workflow:
    await stage.runs.create_and_wait(stage.spec("counting", input=count_to(1)))
    await stage.seen(stage.thread, LINGERS)
    await stage.runs.update_state(stage.name, {"log": ["from outside"]})
    await stage.seen(stage.thread, LINGERS, 2)
    return stage.thread


async def state_that_is_read(stage: Stage) -> Workflow:
    """As the facade starts it, with an id that is known here."""
    await stage.runs.create_and_wait(stage.spec("counting", input=count_to(1)))
    query = StateQuery(read_id=stage.name, thread_id=stage.name, assistant_id="counting")
    reading = state_workflow_id(stage.name)
    await stage.client.execute_workflow(STATE_WORKFLOW, query, id=reading, task_queue=stage.name)
    return stage.client.get_workflow_handle(reading)


async def thread_that_begins_anew(stage: Stage) -> Workflow:
    """Its workflow was terminated while a run executed; the next submission finds that run."""
    await stage.runs.create_background(stage.spec("gated", input={"log": []}))
    await stage.gate.entered.wait()
    await stage.seen(stage.thread, "ChildWorkflowExecutionStarted")
    await stage.thread.terminate("by an operator")
    await stage.runs.create_background(stage.spec("counting", "newcomer", input=count_to(1)))
    await stage.seen(stage.thread, "ActivityTaskScheduled")
    await stage.seen(stage.thread, "ChildWorkflowExecutionStarted")
    stage.gate.open.set()
    await stage.seen(stage.thread, LINGERS)
    return stage.thread


async def thread_that_sleeps(stage: Stage) -> Workflow:
    """Its only run is started by its client, and ends meanwhile."""
    with asleep():
        await stage.runs.create_and_wait(stage.spec("counting", input=count_to(1)))
    await stage.seen(stage.thread, "WorkflowExecutionCompleted")
    return stage.thread


async def thread_that_wakes_before_the_end(stage: Stage) -> Workflow:
    with asleep():
        await stage.runs.create_background(stage.spec("gated", input={"log": []}))
    await stage.seen(stage.thread, "ExternalWorkflowExecutionSignaled")
    stage.gate.open.set()
    await stage.seen(stage.thread, "WorkflowExecutionCompleted")
    return stage.thread


async def thread_woken_by_a_newcomer(stage: Stage) -> Workflow:
    """The run that it has slept for is terminated then."""
    with asleep(60):
        await stage.runs.create_background(stage.spec("gated", input={"log": []}))
    await stage.gate.entered.wait()
    await stage.runs.create_background(stage.spec("counting", "newcomer", input=count_to(1)))
    await stage.seen(stage.thread, "ExternalWorkflowExecutionSignaled")
    await stage.run().terminate("by an operator")
    await stage.seen(stage.thread, LINGERS)
    return stage.thread


async def thread_whose_client_dies(stage: Stage) -> Workflow:
    """Before it has started the run that it has kept the thread for."""
    with asleep(), clients_die(), pytest.raises(DiedError):
        await stage.runs.create_background(stage.spec("counting", input=count_to(1)))
    await stage.seen(stage.thread, "WorkflowExecutionCompleted")
    return stage.thread


async def observers_told_later(stage: Stage) -> Workflow:
    """There is more to tell while the first is being told."""
    stage.listener.refuses = True
    await stage.runs.create_and_wait(stage.spec("counting", input=count_to(1)))
    await stage.run().result()
    await stage.seen(stage.notifying(), "WorkflowExecutionStarted")
    await stage.notifying().signal(SIGNAL_DELIVER)  # while it waits for its delay, as a second hand-over does
    await stage.seen(stage.notifying(), "ActivityTaskScheduled")
    await stage.notifying().signal(SIGNAL_DELIVER)
    await stage.seen(stage.notifying(), "WorkflowExecutionSignaled", 2)
    stage.listener.gate.set()
    return stage.notifying()


async def cron_that_fires(stage: Stage) -> Workflow:
    run = RunSpec(assistant_id="counting", scope=RunScope(thread_id=stage.name), input=count_to(1))
    made = await stage.runs.crons.create(CronSpec(schedule="0 9 * * *", run=run, cron_id=stage.name, paused=True))
    day = datetime(2026, 3, 2, 9, tzinfo=UTC)
    await stage.runs.crons.backfill(made.cron_id, day, day)

    found: list[str] = []

    async def fired() -> bool:
        which = f"WorkflowType = '{FIRE_WORKFLOW}' AND TaskQueue = '{stage.name}'"
        found[:] = [one.id async for one in stage.client.list_workflows(which)]
        return bool(found)

    await until(fired)
    return stage.client.get_workflow_handle(found[0])


SCENARIOS: Mapping[str, Callable[[Stage], Awaitable[Workflow]]] = {
    story.__name__.replace("_", "-"): story
    for story in (
        one_step,
        stateless,
        many_slices,
        on_a_queue_of_its_own,
        after_seconds,
        question_answered_by_signal,
        question_answered_by_update,
        question_nobody_answers,
        question_cancelled,
        question_cancelled_while_all_slots_are_taken,
        cancelled_while_running,
        cancelled_by_temporal,
        cancelled_while_queued,
        interrupted_at_a_boundary,
        run_timeout,
        step_timeout,
        graph_error,
        graph_retried,
        queued_then_admitted,
        thread_with_three_runs,
        thread_interrupted_by_a_newcomer,
        thread_that_refuses,
        thread_whose_run_is_terminated,
        thread_carried_over,
        rolled_back,
        thread_that_is_removed,
        thread_whose_state_is_changed,
        state_that_is_read,
        thread_that_begins_anew,
        thread_that_sleeps,
        thread_that_wakes_before_the_end,
        thread_woken_by_a_newcomer,
        thread_whose_client_dies,
        observers_told_later,
        cron_that_fires,
    )
}
