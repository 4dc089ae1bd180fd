"""How the errors of an activity cross Temporal: those of the graph end the run, those of the machine are retried."""

from __future__ import annotations

import traceback

from temporalio.exceptions import ApplicationError

from ..contracts.serialization import qualified_name
from ..contracts.types import RunError
from ..contracts.wire import ERROR_GRAPH, GraphFailure

# A failure is kept in the history and in the record: long texts are cut, at the end that says less.
_MESSAGE_LENGTH = 4_000
_TRACEBACK_LENGTH = 16_000


def run_error(error: BaseException) -> RunError:
    """An exception as the record of a run keeps it."""
    trace = "".join(traceback.format_exception(error))
    message = str(error) or repr(error)
    return RunError(
        type=qualified_name(type(error)), message=message[:_MESSAGE_LENGTH], traceback=trace[-_TRACEBACK_LENGTH:]
    )


def graph_failure(error: BaseException, attempt: int) -> ApplicationError:
    """An exception that a graph raised, in this attempt of its activity; the details are a `GraphFailure`."""
    found = run_error(error)
    classes = [qualified_name(kind) for kind in type(error).__mro__]
    return ApplicationError(
        f"{found.type}: {found.message}",
        GraphFailure(error=found, classes=classes, attempt=attempt),
        type=ERROR_GRAPH,
        non_retryable=True,
    )
