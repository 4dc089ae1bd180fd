"""The events of a run as those of AG-UI.

What is told while the run goes may be cut off with an attempt at it, and comes anew then: so each new attempt begins
with the messages as they stand, and the run ends with them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from typing import Any

from ag_ui.core import (
    PROTOCOL_VERSION,
    BaseEvent,
    CustomEvent,
    Interrupt,
    MessagesSnapshotEvent,
    RunErrorEvent,
    RunFinishedCancelledOutcome,
    RunFinishedEvent,
    RunFinishedInterruptOutcome,
    RunFinishedSuccessOutcome,
    RunStartedEvent,
    StateSnapshotEvent,
    StepFinishedEvent,
    StepStartedEvent,
)

from ...contracts.errors import PerdureError
from ...contracts.langgraph_names import INTERRUPT
from ...contracts.types import HEARTBEAT_EVENT, METADATA_EVENT, RunInterrupt, RunStatus, StreamEvent, WaitResult
from ...facade.run_stream import RunStream
from ..context import Context
from ..errors import detail_of
from ..failures import failure
from ..questions import questions
from .ag_ui_messages import shown_messages
from .ag_ui_speech import Speech
from .conversations import messages_in, rest_of
from .question_texts import question_text

ON_INTERRUPT = "on_interrupt"
"""The custom event by which older pages are asked."""


async def told(
    context: Context, stream: RunStream, run_id: str, *, thread: str, run: str
) -> AsyncGenerator[BaseEvent | None]:
    """To the run's end; `None`: nothing has happened for a while. `thread`, `run`: as the page calls them."""
    telling = _Telling(thread, run)
    try:
        async with context.following(stream):
            async for event in stream:
                if event.event == HEARTBEAT_EVENT:
                    yield None
                for one in telling.of(event):
                    yield one
        for one in telling.end(await context.runs.join_wait(run_id)):
            yield one
    except PerdureError as exc:
        yield RunErrorEvent(message=detail_of(exc), code=type(exc).__name__)


class _Telling:
    def __init__(self, thread: str, run: str) -> None:
        self._ids: dict[str, Any] = {"thread_id": thread, "run_id": run}
        self._begun = False
        self._speech = Speech()
        self._steps: dict[str, str] = {}
        """Names of steps, by the ids of their tasks."""
        self._state: Any = None
        self._values: Any = None

    def of(self, event: StreamEvent) -> Iterator[BaseEvent]:
        mode, _, namespace = event.event.partition("|")
        match mode:
            case _ if event.event == METADATA_EVENT:
                yield from self._attempt()
            case "messages":
                yield from self._speech.of(event.data[0])
            case "values" if not namespace:
                yield from self._snapshot(event.data)
            case "tasks" if not namespace:
                yield from self._step(event.data)
            case "custom":
                yield CustomEvent(name="custom", value=event.data)
            case _:
                return

    def _attempt(self) -> Iterator[BaseEvent]:
        if not self._begun:
            self._begun = True
            yield RunStartedEvent(protocol_version=PROTOCOL_VERSION, **self._ids)
            return
        yield from self._speech.close()
        yield from self._messages()

    def _messages(self) -> Iterator[BaseEvent]:
        if found := shown_messages(messages_in(self._values)):
            yield MessagesSnapshotEvent(messages=found)

    def _snapshot(self, values: Any) -> Iterator[BaseEvent]:
        if isinstance(values, dict) and INTERRUPT in values:
            return
        self._values, state = values, rest_of(values)
        if state != self._state and (state or self._state is not None):
            self._state = state
            yield StateSnapshotEvent(snapshot=state)

    def _step(self, task: Any) -> Iterator[BaseEvent]:
        """Nodes run side by side under one name, but a step has one to itself."""
        id, name = str(task["id"]), str(task["name"])
        if "result" in task:
            if (open_name := self._steps.pop(id, None)) is not None:
                yield StepFinishedEvent(step_name=open_name)
        elif id not in self._steps:
            taken = set(self._steps.values())
            number = next(one for one in range(1, len(taken) + 2) if _numbered(name, one) not in taken)
            self._steps[id] = _numbered(name, number)
            yield StepStartedEvent(step_name=self._steps[id])

    def end(self, result: WaitResult) -> Iterator[BaseEvent]:
        if not self._begun:
            yield from self._attempt()
        yield from self._speech.close()
        yield from (StepFinishedEvent(step_name=name) for name in self._steps.values())
        yield from self._snapshot(result.values)
        yield from self._messages()
        yield from self._outcome(result)

    def _outcome(self, result: WaitResult) -> Iterator[BaseEvent]:
        asked = questions(result.interrupts)
        if result.status in (RunStatus.ERROR, RunStatus.TIMEOUT):
            error = failure(result.error) or {"error": "TimeoutError", "message": "the run took too long"}
            yield RunErrorEvent(message=error["message"] or error["error"], code=error["error"])
        elif asked and result.status in (RunStatus.INTERRUPTED, RunStatus.AWAITING_INPUT):
            yield from (CustomEvent(name=ON_INTERRUPT, value=one.value) for one in asked)
            outcome = RunFinishedInterruptOutcome(interrupts=[_interrupt(one) for one in asked])
            yield RunFinishedEvent(outcome=outcome, **self._ids)
        elif result.status is RunStatus.SUCCESS:
            outcome = RunFinishedSuccessOutcome(pending_tool_call_ids=self._speech.unanswered or None)
            yield RunFinishedEvent(outcome=outcome, **self._ids)
        else:
            yield RunFinishedEvent(outcome=RunFinishedCancelledOutcome(), **self._ids)


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name} ({number})"


def _interrupt(asked: RunInterrupt) -> Interrupt:
    return Interrupt(
        id=asked.id, reason="langgraph:interrupt", message=question_text(asked), metadata={"value": asked.value}
    )
