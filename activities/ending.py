"""Where a run comes to rest: its record, then its event, so that who has seen the one finds the other."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ..bridge.contract import Bridge, NewEvent
from ..checkpoints.contract import Checkpoints
from ..contracts.errors import UnavailableError
from ..contracts.serialization import to_json
from ..contracts.types import AWAITING_INPUT_EVENT, RunRecord, RunSpec, RunStatus
from ..contracts.wire import FinishInput, QuestionsInput
from ..store.contract import RunEnding, Store
from .config import run_config, thread_config
from .graphs import GraphRegistry
from .questions import Stopped, stopped_at

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
        at = await self._stopped(spec, finish.run_id, finish.thread_id)
        asks = finish.status is RunStatus.INTERRUPTED and finish.cancel_action is None
        ending = RunEnding(
            status=finish.status,
            steps=finish.steps,
            values=None if at is None else to_json(at.values),
            error=finish.error,
            cancel_action=finish.cancel_action,
            interrupts=at.interrupts if at is not None and asks else (),
        )
        record = await self.store.finish(finish.run_id, ending, fence=fence)
        await self.bridge.publish_terminal(finish.run_id, _terminal_event(record), fence=fence)
        return record

    async def announce(self, asks: QuestionsInput, spec: RunSpec, *, fence: int) -> None:
        """Write what the run waits for, publish the `awaiting_input` event."""
        at = await self._stopped(spec, asks.run_id, asks.thread_id)
        interrupts = [] if at is None else at.interrupts
        values = None if at is None else to_json(at.values)
        await self.store.mark_awaiting(asks.run_id, fence=fence, steps=asks.steps, interrupts=interrupts, values=values)
        data = {
            "run_id": asks.run_id,
            "thread_id": asks.thread_id,
            "interrupts": [interrupt.model_dump() for interrupt in interrupts],
        }
        event = NewEvent(AWAITING_INPUT_EVENT, to_json(data), f"ask\n{'' if at is None else at.key}")
        await self.bridge.mark_awaiting_input(asks.run_id, event, fence=fence)

    async def _stopped(self, spec: RunSpec, run_id: str, thread_id: str) -> Stopped | None:
        """The thread's state; `None` if the graph cannot show it. Raises `UnavailableError`."""
        config = run_config(spec, run_id, thread_id)
        saver = self.checkpoints.saver
        try:
            async with self.graphs.open(spec.assistant_id, config, saver) as graph:
                return await stopped_at(graph, saver, thread_config(thread_id))
        except Exception as exc:
            if self.checkpoints.outage(exc):
                raise UnavailableError(f"the state of thread {thread_id!r} cannot be read: {exc}") from exc
            # The end of a run must not depend on its graph, which may be why it failed.
            logger.warning("run %s has no final values: %s", run_id, exc)
            return None


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
