"""`NotifyWorkflow`: the events of one run, told to observers that could not take them at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

from ..contracts.wire import ACTIVITY_DELIVER_EVENTS, NOTIFY_WORKFLOW, SIGNAL_DELIVER
from ..contracts.wire_notify import NotifyInput
from .short_activities import HEARTBEAT, UNLIMITED

_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
"""Without a limit of attempts: a required observer gets every event. (What is not required gives up by itself.)"""


@workflow.defn(name=NOTIFY_WORKFLOW, sandboxed=False)
class NotifyWorkflow:
    """Repeats one activity until everything is delivered. The run and its thread do not wait for it.

    Its pending activity shows in the Temporal UI which observer fails, and how. Who wants to give up terminates it.
    """

    def __init__(self) -> None:
        self._asked = 0

    @workflow.signal(name=SIGNAL_DELIVER, description="There may be more to deliver; no payload")
    def deliver(self, *args: Any) -> None:
        self._asked += 1

    @workflow.run
    async def run(self, notify: NotifyInput) -> None:
        seen = -1
        while seen != self._asked:
            seen = self._asked
            await workflow.execute_activity(
                ACTIVITY_DELIVER_EVENTS,
                notify,
                start_to_close_timeout=UNLIMITED,
                heartbeat_timeout=HEARTBEAT,
                retry_policy=_RETRIES,
                summary=", ".join(notify.required) or "observers",
            )
