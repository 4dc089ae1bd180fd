"""How the errors of an activity cross Temporal: those of the graph end the run, those of the machine are retried."""

from __future__ import annotations

from temporalio.exceptions import ApplicationError

from ...contracts.containment import ContainedExit
from ...contracts.errors import GraphLoadError
from ...contracts.limit_errors import StreamFullError
from ...contracts.serialization.text import class_name, message_of, traceback_of
from ...contracts.types import RunError
from ...contracts.wire import ERROR_GRAPH
from ...contracts.wire_ending import GraphFailure

# A failure is kept in the history and in the record: long texts are cut, at the end that says less.
_MESSAGE_LENGTH = 4_000
_TRACEBACK_LENGTH = 16_000
"""Characters."""


class SliceFailed(Exception):
    """The machine, not the graph, ended the slice: it is to be tried again."""


def slice_failure(failure: BaseException) -> Exception:
    """With what a slice ends that a back end has failed: it is tried again, unless the run itself is at fault."""
    return failure if isinstance(failure, StreamFullError) else SliceFailed(str(failure))


class MachineFailure(ApplicationError):
    """A failure that an activity reports on purpose: its message says all, and a traceback nothing (`activity_log`)."""


class SentOn(MachineFailure):
    """Another worker does what this one does not: nothing has failed."""


class GraphFailed(MachineFailure):
    """The graph raised, which is in the log already, with its traceback."""


def run_error(error: BaseException) -> RunError:
    """An exception as the record of a run keeps it. Whatever it is like, this does not raise."""
    shown = _cause(error)
    told = error if isinstance(error, GraphLoadError) else shown
    return RunError(
        type=class_name(type(shown)),
        message=message_of(told)[:_MESSAGE_LENGTH],
        traceback=traceback_of(told)[-_TRACEBACK_LENGTH:],
    )


def graph_failure(error: BaseException, attempt: int) -> ApplicationError:
    """An exception that a graph raised, in this attempt of its activity; the details are a `GraphFailure`.

    What is no `Exception` is not tried again.
    """
    found, shown = run_error(error), _cause(error)
    classes = [class_name(kind) for kind in type(shown).__mro__]
    final = not isinstance(shown, Exception)
    return _failure(GraphFailure(error=found, classes=classes, attempt=attempt, final=final))


def final_failure(error: RunError, attempt: int) -> ApplicationError:
    """What ends the run for good, without its graph having raised."""
    return _failure(GraphFailure(error=error, attempt=attempt, final=True))


def _failure(failure: GraphFailure) -> ApplicationError:
    text = f"{failure.error.type}: {failure.error.message}"
    return GraphFailed(text, failure, type=ERROR_GRAPH, non_retryable=True)


def _cause(error: BaseException) -> BaseException:
    """What the graph, or a factory of it, raised."""
    if isinstance(error, GraphLoadError) and not isinstance(error.__cause__, Exception) and error.__cause__:
        error = error.__cause__
    return error.__cause__ or error if isinstance(error, ContainedExit) else error
