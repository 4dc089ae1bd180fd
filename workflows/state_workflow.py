"""`StateWorkflow`: one read of a thread's state, by a worker that has the graph."""

from __future__ import annotations

from temporalio import workflow

from ..contracts.wire import ACTIVITY_READ_STATE, STATE_WORKFLOW
from ..contracts.wire_thread import StateAnswer, StateQuery
from .short_activities import short_activity


@workflow.defn(name=STATE_WORKFLOW, sandboxed=False)
class StateWorkflow:
    """Beside the thread's own workflow: a read waits for no run. Its client bounds it by an execution timeout."""

    @workflow.run
    async def run(self, query: StateQuery) -> StateAnswer:
        return await short_activity(
            ACTIVITY_READ_STATE,
            query,
            StateAnswer,
            summary="reads the state",
            graph=query.assistant_id,
        )
