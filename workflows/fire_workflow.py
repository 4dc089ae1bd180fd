"""`FireWorkflow`: one firing of a cron, started by its schedule."""

from __future__ import annotations

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from ..contracts.wire import ACTIVITY_FIRE_CRON, FIRE_WORKFLOW
from ..contracts.wire_cron import FireInput, FireResult, FiringInput, nominal_time
from .short_activities import short_activity

_SCHEDULED = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
"""Temporal's own name: when the firing was due, jitter not counted. The same when it comes again in a backfill."""


@workflow.defn(name=FIRE_WORKFLOW, sandboxed=False)
class FireWorkflow:
    """Submits the run and is done: what becomes of the run is the thread's, and its multitask strategy's."""

    @workflow.run
    async def run(self, fire: FireInput) -> FireResult:
        due = workflow.info().typed_search_attributes.get(_SCHEDULED) or workflow.info().workflow_start_time
        nominal = nominal_time(due)
        firing = FiringInput(installation=fire.installation, cron_id=fire.cron_id, nominal=nominal)
        return await short_activity(ACTIVITY_FIRE_CRON, firing, FireResult, summary=nominal)
