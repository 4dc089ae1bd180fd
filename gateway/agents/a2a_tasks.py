"""A run as a task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from a2a.helpers.proto_helpers import new_data_part, new_text_part
from a2a.types import Artifact, Message, Part, Role, Task, TaskState, TaskStatus

from ...contracts.types import RunRecord, RunStatus, WaitResult
from ...facade.runs import RunsFacade
from ..failures import failure
from ..questions import questions, shown_interrupt
from .conversations import id_of, messages_in, rest_of, text_of
from .question_texts import question_text

STATE = "state"
"""The artifact that has the state of the graph, without its messages."""

STATES: Mapping[RunStatus, TaskState] = {
    RunStatus.PENDING: TaskState.TASK_STATE_SUBMITTED,
    RunStatus.RUNNING: TaskState.TASK_STATE_WORKING,
    RunStatus.AWAITING_INPUT: TaskState.TASK_STATE_INPUT_REQUIRED,
    RunStatus.SUCCESS: TaskState.TASK_STATE_COMPLETED,
    RunStatus.ERROR: TaskState.TASK_STATE_FAILED,
    RunStatus.TIMEOUT: TaskState.TASK_STATE_FAILED,
    RunStatus.INTERRUPTED: TaskState.TASK_STATE_CANCELED,
    RunStatus.ROLLED_BACK: TaskState.TASK_STATE_CANCELED,
}


def task_id_of(run: RunRecord) -> str:
    """Of it one finds thread and run."""
    return f"{run.thread_id}:{run.run_id}"


async def task_of(runs: RunsFacade, run: RunRecord, history: int | None = None) -> Task:
    """As it stands. `history`: how many messages of the conversation, at most; `None`: all."""
    result = await _result(runs, run)
    task = Task(id=task_id_of(run), context_id=run.thread_id, status=status_of(run, result))
    if result is not None:
        since = await first_message(runs, run)
        task.artifacts.extend(artifacts_of(result.values, since))
        task.history.extend(_history(run, result.values, history))
    return task


def is_at_rest(run: RunRecord) -> bool:
    """Whether it has ended, or waits for an answer."""
    return run.status.terminal or run.status is RunStatus.AWAITING_INPUT


async def _result(runs: RunsFacade, run: RunRecord) -> WaitResult | None:
    return await runs.join_wait(run.run_id) if is_at_rest(run) else None


def status_of(run: RunRecord, result: WaitResult | None) -> TaskStatus:
    """With what it asks, or why it failed."""
    status = run.status if result is None else result.status
    found = TaskStatus(state=STATES[status])
    if status is RunStatus.INTERRUPTED and run.cancel_action is None:  # it has ended at a question
        found.state = TaskState.TASK_STATE_COMPLETED
    found.timestamp.FromDatetime(run.updated_at)
    if result is not None and (parts := [*_told(result)]):
        message_id = f"{run.run_id}-{status}-{run.steps}"
        found.message.CopyFrom(
            Message(
                message_id=message_id,
                role=Role.ROLE_AGENT,
                parts=parts,
                task_id=task_id_of(run),
                context_id=run.thread_id,
            )
        )
    return found


def _told(result: WaitResult) -> Iterator[Part]:
    if result.status is RunStatus.AWAITING_INPUT:
        asked = questions(result.interrupts)
        yield from (new_text_part(question_text(one)) for one in asked)
        yield new_data_part({"interrupts": [shown_interrupt(one) for one in asked]})
    elif result.status in (RunStatus.ERROR, RunStatus.TIMEOUT):
        error = failure(result.error) or {"error": "TimeoutError", "message": "the run took too long"}
        yield new_text_part(f"{error['error']}: {error['message']}")


async def first_message(runs: RunsFacade, run: RunRecord) -> str:
    """The id of the message that has begun the run; empty: none has."""
    given: Any = (await runs.get_spec(run.run_id)).input
    found = messages_in(given)
    return id_of(found[-1]) if found else ""


def artifacts_of(values: Any, since: str) -> list[Artifact]:
    """What the agent has said in this run, and its state."""
    said = [artifact(id_of(one), text_of(one)) for one in _new(values, since) if one.get("type") == "ai"]
    state = rest_of(values)
    found = [one for one in said if one.parts[0].text]
    return [*found, *([Artifact(artifact_id=STATE, name=STATE, parts=[new_data_part(state)])] if state else [])]


def artifact(id: str, text: str) -> Artifact:
    """Of a message."""
    return Artifact(artifact_id=id, parts=[new_text_part(text)])


def _new(values: Any, since: str) -> list[Mapping[str, Any]]:
    found = messages_in(values)
    places = [place for place, one in enumerate(found) if id_of(one) == since]
    return found[places[-1] + 1 :] if places else found


def _history(run: RunRecord, values: Any, most: int | None) -> list[Message]:
    roles = {"human": Role.ROLE_USER, "ai": Role.ROLE_AGENT}
    ids: dict[str, Any] = {"task_id": task_id_of(run), "context_id": run.thread_id}
    found = [
        Message(message_id=id_of(one), role=roles[one["type"]], parts=[new_text_part(text_of(one))], **ids)
        for one in messages_in(values)
        if one.get("type") in roles and text_of(one)
    ]
    return found if most is None else found[len(found) - min(most, len(found)) :]
