"""What is told of an error: its class, its cause, and as much of its text as Temporal takes."""

from __future__ import annotations

from typing import cast

from perdure.activities.attempt.failures import graph_failure, run_error
from perdure.contracts.errors import RunNotFoundError
from perdure.contracts.wire import ERROR_GRAPH
from perdure.contracts.wire_ending import GraphFailure


def test_an_error_names_its_class_and_its_cause() -> None:
    error = run_error(KeyError("x"))
    assert (error.type, error.message) == ("KeyError", "'x'")
    assert run_error(ValueError()).message == "ValueError()"
    assert run_error(RunNotFoundError("r")).type == "perdure.contracts.errors.RunNotFoundError"


def test_a_long_error_is_cut_where_it_says_less() -> None:
    try:
        raise ValueError("begin" + "x" * 10_000)
    except ValueError as exc:
        error = run_error(exc)
    assert len(error.message) == 4_000
    assert error.message.startswith("begin")
    assert error.traceback is not None
    assert len(error.traceback) == 16_000 or error.traceback.startswith("Traceback")


def test_a_graphs_failure_carries_its_classes_and_is_not_retried_by_temporal() -> None:
    failure = graph_failure(ModuleNotFoundError("no"), attempt=3)
    assert (failure.type, failure.non_retryable) == (ERROR_GRAPH, True)
    details = cast("GraphFailure", failure.details[0])
    assert details.classes[:3] == ["ModuleNotFoundError", "ImportError", "Exception"]
    assert (details.attempt, details.error.message) == (3, "no")
