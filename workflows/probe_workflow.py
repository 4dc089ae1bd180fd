"""`ProbeWorkflow`: proves that a worker answers (`perdure doctor`)."""

from __future__ import annotations

from temporalio import workflow

from ..contracts.wire import PROBE_WORKFLOW


@workflow.defn(name=PROBE_WORKFLOW, sandboxed=False)
class ProbeWorkflow:
    """Does nothing, which only a living worker can do."""

    @workflow.run
    async def run(self) -> None:
        return None
