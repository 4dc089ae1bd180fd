"""Where a run comes to rest: its record, then its event, so that who has seen the one finds the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from ..bridge.contract import NewEvent
from ..checkpoints.reading import read_snapshot
from ..contracts.containment import contained
from ..contracts.errors import UnavailableError
from ..contracts.lifecycle import LifecycleType, ending_of
from ..contracts.serialization.content import title_in_state
from ..contracts.serialization.serializer import to_json
from ..contracts.serialization.text import message_of
from ..contracts.telemetry.redaction import withheld
from ..contracts.types import AWAITING_INPUT_EVENT, RunError, RunInterrupt, RunRecord, RunSpec, RunStatus
from ..contracts.wire import (
    REFUSED_ANSWER,
    TERMINATED,
    QuestionsInput,
)
from ..contracts.wire_ending import FinishInput
from ..observers.dispatcher import Dispatcher
from ..store.contract import RunEnding
from ..store.thread_contract import ThreadLeft
from .driver.live_graphs import LiveGraphs
from .driver.resume_point import input_steps, steps_spent
from .graphs.answers import Answers
from .graphs.back_ends import BackEnds
from .graphs.graph_registry import CompiledGraph
from .graphs.interrupts import completed, stopped_at
from .graphs.run_config import is_of, run_config, thread_config

logger = logging.getLogger(__name__)

_UNREAD = "StateUnreadableError"
_TERMINAL_EVENTS: Mapping[LifecycleType, str] = {
    "run_completed": "end",
    "run_failed": "error",
    "run_cancelled": "cancel",
}


@dataclass(frozen=True, slots=True)
class Finalizer:
    """Ends runs, and announces what they wait for. Every step may be repeated."""

    ends: BackEnds
    dispatcher: Dispatcher | None = None
    """Tells observers; `None`: there are none."""
    live: LiveGraphs | None = None
    """Of this worker: a graph that is still there is not made anew to be looked at."""

    async def finish(self, finish: FinishInput, spec: RunSpec, *, fence: int) -> Ended:
        """Shut earlier attempts out, write the record, publish the terminal event, tell observers."""
        if finish.error is not None and finish.error.type == TERMINATED:
            # Its graph may still be at work, and nobody else tells it to stop.
            await self.ends.bridge.cancel(finish.run_id)
        await self.ends.checkpoints.take(finish.run_id, finish.thread_id, fence=fence)
        # A run that was rolled back has left nothing: what stands there is older.
        gone = finish.status is RunStatus.ROLLED_BACK
        found = await self._look(spec, finish.run_id, finish.thread_id)
        rest = _Rest() if gone else found
        asks = finish.status is RunStatus.INTERRUPTED and finish.cancel_action is None
        ending = RunEnding(
            status=finish.status,
            sequence=finish.sequence or None,
            steps=max(finish.steps, rest.steps),
            values=rest.at_question if asks else rest.completed,
            error=finish.error or rest.unread,
            cancel_action=finish.cancel_action,
            interrupts=rest.interrupts if asks else (),
            title=rest.title,
            left=_left(finish, found, asks=asks or gone),
        )
        record = await self.ends.store.finish(finish.run_id, ending, fence=fence)
        async with self._telling(finish.run_id, webhook=spec.webhook is not None):
            if spec.scope.kind == "stateless" and spec.on_completion != "keep":  # who sees the end finds it gone
                await self.ends.checkpoints.delete_thread(finish.thread_id)
            self.ends.bridge.writes_as(finish.run_id, attempt=record.attempt, fence=fence)
            await self.ends.bridge.publish_terminal(finish.run_id, _terminal_event(record), fence=fence)
            await self.ends.checkpoints.settle(finish.run_id)
        return Ended(record, rest.next)

    async def promise(self, run_id: str, spec: RunSpec) -> None:
        """Before a `finish` that nobody repeats once the record is written: observers hear of it nevertheless."""
        if self.dispatcher is not None:
            await self.dispatcher.promise(run_id, webhook=spec.webhook is not None)

    async def announce(self, asks: QuestionsInput, spec: RunSpec, *, fence: int) -> None:
        """Write what the run waits for, publish the `awaiting_input` event."""
        rest = await self._look(spec, asks.run_id, asks.thread_id)
        answers = Answers(self.ends.store.threads)
        if asks.keep_as is not None:
            await answers.keep(asks.keep_as, rest.asked)
        error = None if asks.refused is None else RunError(type=REFUSED_ANSWER, message=asks.refused)
        await self.ends.store.mark_awaiting(
            asks.run_id,
            fence=fence,
            steps=asks.steps,
            interrupts=rest.interrupts,
            values=rest.at_question,
            title=rest.title,
            error=error,
        )
        data: dict[str, Any] = {
            "run_id": asks.run_id,
            "thread_id": asks.thread_id,
            "interrupts": [interrupt.model_dump() for interrupt in rest.interrupts],
        }
        if error is not None:
            data["error"] = error.model_dump(exclude={"traceback"})
        # The workflow's number: the same when this is repeated, another at the next question.
        event = NewEvent(AWAITING_INPUT_EVENT, to_json(data), f"ask\n{asks.fence}")
        async with self._telling(asks.run_id):
            await self.ends.bridge.mark_awaiting_input(asks.run_id, event, fence=fence)
        await answers.drop(asks.spent)

    def _telling(self, run_id: str, *, webhook: bool = False) -> AbstractAsyncContextManager[None]:
        return nullcontext() if self.dispatcher is None else self.dispatcher.telling(run_id, webhook=webhook)

    @asynccontextmanager
    async def _opened(
        self, spec: RunSpec, run_id: str, thread_id: str, saver: BaseCheckpointSaver[Any]
    ) -> AsyncGenerator[CompiledGraph]:
        if self.live is not None and (graph := self.live.graph_of(run_id)) is not None:
            yield graph.copy({"checkpointer": saver})
            return
        async with self.ends.graphs.open(spec.assistant_id, run_config(spec, run_id, thread_id), saver) as graph:
            yield graph

    async def _look(self, spec: RunSpec, run_id: str, thread_id: str) -> _Rest:
        """How the thread stands. Raises `UnavailableError`."""
        try:
            with contained():
                return await self._seen(spec, run_id, thread_id)
        except asyncio.CancelledError:
            raise
        except BaseException as exc:
            if self.ends.checkpoints.outage(exc):
                raise UnavailableError(f"the state of thread {thread_id!r} cannot be read: {exc}") from exc
            # The end of a run must not depend on its graph, which may be why it failed.
            return await self._stored(run_id, thread_id, message_of(exc))

    async def _stored(self, run_id: str, thread_id: str, why: str) -> _Rest:
        """The state as the checkpointer holds it, where no graph shows it. Raises `UnavailableError`."""
        logger.warning(
            "run %s: its graph does not show its values, so they are those stored: %s", run_id, withheld(why)
        )
        try:
            found = await read_snapshot(self.ends.checkpoints.saver, thread_id, None)
        except Exception as exc:
            if self.ends.checkpoints.outage(exc):
                raise UnavailableError(f"the state of thread {thread_id!r} cannot be read: {exc}") from exc
            message = f"the run's values cannot be read, neither by its graph ({why}) nor as stored: {message_of(exc)}"
            logger.warning("run %s: %s", run_id, withheld(message))
            return _Rest(unread=RunError(type=_UNREAD, message=message))
        if found is None:
            return _Rest()
        values = to_json(found.values)
        return _Rest(values, values, title=title_in_state(found.values))

    async def _seen(self, spec: RunSpec, run_id: str, thread_id: str) -> _Rest:
        saver, here = self.ends.checkpoints.saver, thread_config(thread_id)
        async with self._opened(spec, run_id, thread_id, saver) as graph:
            stopped = await stopped_at(graph, saver, here)
            head, note = await saver.aget_tuple(here), await self.ends.checkpoints.note(run_id)
            unfinished = head if head and head.pending_writes else None
            values = (await completed(graph, unfinished)).values if unfinished else stopped.values
            spent = steps_spent(run_id, head, note) - input_steps(spec, graph) if note else 0
        counts = {id: question.answered for id, question in stopped.asked.items()}
        shown = tuple(stopped.interrupts)
        # Else the run has executed nothing: what stands there is another run's, which may be at work. (The note goes
        # with the run's end, which may have to be written once more.)
        executed = note is not None or (head is not None and is_of(head, run_id))
        done = to_json(values) if executed else None
        next = tuple(stopped.next) if executed else ()
        return _Rest(done, to_json(stopped.values), shown, max(0, spent), title_in_state(values), counts, next=next)


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that has ended."""

    record: RunRecord
    next: tuple[str, ...]
    """The nodes at which it stopped."""


@dataclass(frozen=True, slots=True)
class _Rest:
    """How a thread stands when its run comes to rest; empty when its graph cannot show it."""

    completed: bytes | None = None
    """The state after the last completed superstep, as JSON."""
    at_question: bytes | None = None
    """The state with the results of finished tasks beside an open question, as LangGraph shows it there."""
    interrupts: tuple[RunInterrupt, ...] = ()
    steps: int = 0
    title: str | None = None
    asked: Mapping[str, int] = field(default_factory=dict[str, int])
    """The ids of open questions, each with the number of answers that its task has had."""
    unread: RunError | None = None
    """Why there are no values."""
    next: tuple[str, ...] = ()
    """The nodes at which it stands."""


def _left(finish: FinishInput, found: _Rest, *, asks: bool) -> ThreadLeft | None:
    """A run that has executed nothing leaves its thread as it was."""
    values, error = found.at_question if asks else found.completed, finish.error or found.unread
    return None if values is None and error is None else ThreadLeft(values, found.interrupts, error)


def _terminal_event(record: RunRecord) -> NewEvent:
    data = {
        "run_id": record.run_id,
        "thread_id": record.thread_id,
        "status": record.status,
        "steps": record.steps,
        "attempt": record.attempt,
        "error": None if record.error is None else record.error.model_dump(exclude={"traceback"}),
        "cancel_action": record.cancel_action,
        "usage": record.usage,
        "title": record.title,
    }
    return NewEvent(_TERMINAL_EVENTS[ending_of(record)], to_json(data))
