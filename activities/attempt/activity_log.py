"""One line in the log for a failed attempt, where the SDK writes a traceback of some 45.

The traceback of a failure that an activity reports on purpose shows the way through the SDK. That of anything else is
a fault of somebody's, and stays.
"""

from __future__ import annotations

import asyncio
import logging

from temporalio import activity

from ...contracts.telemetry.redaction import withheld
from .failures import GraphFailed, MachineFailure, SentOn


class _OneLine(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, GraphFailed | SentOn):
            return False  # it was logged, with the graph's own traceback; or nothing has failed
        if isinstance(error, MachineFailure | asyncio.CancelledError) and activity.in_activity():
            info = activity.info()
            record.msg = "%s of %s, attempt %d, has failed %s"
            record.args = (info.activity_type, info.workflow_id, info.attempt, _why(error))
            record.exc_info = record.exc_text = None
        return True


def _why(error: MachineFailure | asyncio.CancelledError) -> str:
    if isinstance(error, asyncio.CancelledError):
        return "(cut off): Temporal does not wait for it any more; it was taken for lost, or its run has ended"
    message = " ".join(error.message.split())
    follows = "it is not repeated" if error.non_retryable else "it is repeated"
    return f"({follows}): {error.type}: {withheld(message, error.type)}"


_FILTER = _OneLine()


def log_in_one_line() -> None:
    """For all activities of this process. Idempotent."""
    activity.logger.base_logger.addFilter(_FILTER)
