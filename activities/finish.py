"""The end of a run: its record, then its terminal event, so that who has seen the one finds the other."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ..bridge.contract import Bridge, NewEvent
from ..checkpoints.contract import Checkpoints
from ..contracts.errors import UnavailableError
from ..contracts.serialization import to_json
from ..contracts.types import RunInterrupt, RunRecord, RunSpec, RunStatus
from ..contracts.wire import FinishInput
from ..store.contract import RunEnding, Store
from .config import run_config, thread_config
from .graphs import GraphRegistry
from .questions import open_questions

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finish:
    """Ends runs. Every step may be repeated."""

    graphs: GraphRegistry
    bridge: Bridge
    store: Store
    checkpoints: Checkpoints

    async def run(self, finish: FinishInput, spec: RunSpec, *, fence: int) -> RunRecord:
        """Shut earlier attempts out, write the record, publish the terminal event."""
        await self.checkpoints.take(finish.run_id, finish.thread_id, fence=fence)
        values, interrupts = await self._final_state(finish, spec)
        ending = RunEnding(
            status=finish.status,
            steps=finish.steps,
            values=values,
            error=finish.error,
            cancel_action=finish.cancel_action,
            interrupts=interrupts,
        )
        record = await self.store.finish(finish.run_id, ending, fence=fence)
        await self.bridge.publish_terminal(finish.run_id, _terminal_event(record), fence=fence)
        return record

    async def _final_state(self, finish: FinishInput, spec: RunSpec) -> tuple[bytes | None, tuple[RunInterrupt, ...]]:
        """The thread's state as the `values` event shows it, and the questions that a run leaves open."""
        config = run_config(spec, finish.run_id, finish.thread_id)
        here = thread_config(finish.thread_id)
        try:
            async with self.graphs.open(spec.assistant_id, config, self.checkpoints.saver) as graph:
                state = await graph.aget_state(here)
                asks = finish.status is RunStatus.INTERRUPTED and finish.cancel_action is None
                asked = await open_questions(graph, self.checkpoints.saver, here) if asks else {}
        except Exception as exc:
            if self.checkpoints.outage(exc):
                raise UnavailableError(f"the state of thread {finish.thread_id!r} cannot be read: {exc}") from exc
            # The end of a run must not depend on its graph, which may be why it failed.
            logger.warning("run %s ends without its final values: %s", finish.run_id, exc)
            return None, ()
        return to_json(state.values), tuple(question.public for question in asked.values())


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
