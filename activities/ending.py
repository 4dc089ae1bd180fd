"""Where a run comes to rest: its record, then its event, so that who has seen the one finds the other."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ..bridge.contract import Bridge, NewEvent
from ..checkpoints.contract import Checkpoints
from ..contracts.errors import UnavailableError
from ..contracts.serialization import to_json
from ..contracts.types import AWAITING_INPUT_EVENT, RunInterrupt, RunRecord, RunSpec, RunStatus
from ..contracts.wire import FinishInput, QuestionsInput
from ..store.contract import RunEnding, Store
from .config import run_config, thread_config
from .graphs import GraphRegistry
from .questions import completed, stopped_at
from .start import input_steps, steps_spent

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ending:
    """Ends runs, and announces what they wait for. Every step may be repeated."""

    graphs: GraphRegistry
    bridge: Bridge
    store: Store
    checkpoints: Checkpoints

    async def finish(self, finish: FinishInput, spec: RunSpec, *, fence: int) -> RunRecord:
        """Shut earlier attempts out, write the record, publish the terminal event."""
        await self.checkpoints.take(finish.run_id, finish.thread_id, fence=fence)
        rest = await self._look(spec, finish.run_id, finish.thread_id)
        asks = finish.status is RunStatus.INTERRUPTED and finish.cancel_action is None
        ending = RunEnding(
            status=finish.status,
            steps=max(finish.steps, rest.steps),
            values=rest.at_question if asks else rest.completed,
            error=finish.error,
            cancel_action=finish.cancel_action,
            interrupts=rest.interrupts if asks else (),
        )
        record = await self.store.finish(finish.run_id, ending, fence=fence)
        await self.bridge.publish_terminal(finish.run_id, _terminal_event(record), fence=fence)
        return record

    async def announce(self, asks: QuestionsInput, spec: RunSpec, *, fence: int) -> None:
        """Write what the run waits for, publish the `awaiting_input` event."""
        rest = await self._look(spec, asks.run_id, asks.thread_id)
        await self.store.mark_awaiting(
            asks.run_id, fence=fence, steps=asks.steps, interrupts=rest.interrupts, values=rest.at_question
        )
        data = {
            "run_id": asks.run_id,
            "thread_id": asks.thread_id,
            "interrupts": [interrupt.model_dump() for interrupt in rest.interrupts],
        }
        event = NewEvent(AWAITING_INPUT_EVENT, to_json(data), f"ask\n{rest.key}")
        await self.bridge.mark_awaiting_input(asks.run_id, event, fence=fence)

    async def _look(self, spec: RunSpec, run_id: str, thread_id: str) -> _Rest:
        """How the thread stands. Raises `UnavailableError`."""
        saver = self.checkpoints.saver
        here = thread_config(thread_id)
        try:
            async with self.graphs.open(spec.assistant_id, run_config(spec, run_id, thread_id), saver) as graph:
                stopped = await stopped_at(graph, saver, here)
                head, note = await saver.aget_tuple(here), await self.checkpoints.note(run_id)
                unfinished = head if head and head.pending_writes else None
                values = (await completed(graph, unfinished)).values if unfinished else stopped.values
                spent = steps_spent(run_id, head, note) - input_steps(spec, graph) if note else 0
        except Exception as exc:
            if self.checkpoints.outage(exc):
                raise UnavailableError(f"the state of thread {thread_id!r} cannot be read: {exc}") from exc
            # The end of a run must not depend on its graph, which may be why it failed.
            logger.warning("run %s has no final values: %s", run_id, exc)
            return _Rest()
        return _Rest(to_json(values), to_json(stopped.values), tuple(stopped.interrupts), stopped.key, max(0, spent))


@dataclass(frozen=True, slots=True)
class _Rest:
    """How a thread stands when its run comes to rest; empty when its graph cannot show it."""

    completed: bytes | None = None
    """The state after the last completed superstep, as JSON."""
    at_question: bytes | None = None
    """The state with the results of finished tasks beside an open question, as LangGraph shows it there."""
    interrupts: tuple[RunInterrupt, ...] = ()
    key: str = ""
    """The same for the same stop, and no other."""
    steps: int = 0


def _terminal_event(record: RunRecord) -> NewEvent:
    if record.status in (RunStatus.ERROR, RunStatus.TIMEOUT):
        name = "error"
    elif record.cancel_action is not None or record.status is RunStatus.ROLLED_BACK:
        name = "cancel"
    else:
        name = "end"
    data = {
        "run_id": record.run_id,
        "thread_id": record.thread_id,
        "status": record.status,
        "steps": record.steps,
        "attempt": record.attempt,
        "error": None if record.error is None else record.error.model_dump(exclude={"traceback"}),
        "cancel_action": record.cancel_action,
    }
    return NewEvent(name, to_json(data))
