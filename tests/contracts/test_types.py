"""The public vocabulary: what is refused, what is given, and what stays the same on the way through JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from perdure.contracts.identifiers import ID_MAX_LENGTH
from perdure.contracts.types import (
    STREAM_MODES,
    CheckpointRequest,
    MultitaskStrategy,
    RetryPolicy,
    RunCommand,
    RunError,
    RunInterrupt,
    RunRecord,
    RunScope,
    RunSpec,
    RunStatus,
    StreamEvent,
    WaitResult,
    new_run_id,
)

THREAD = RunScope(thread_id="thread")


def spec(**fields: Any) -> RunSpec:
    return RunSpec.model_validate({"assistant_id": "graph", "scope": THREAD, **fields})


def test_a_graph_and_a_thread_are_enough() -> None:
    given = RunSpec(assistant_id="graph", scope=THREAD)
    assert given.stream_modes == ("values",)
    assert (given.multitask_strategy, given.durability, given.on_interrupt) == (
        MultitaskStrategy.ENQUEUE,
        None,
        "await",
    )


@pytest.mark.parametrize("given", ["a", "with space", "x" * ID_MAX_LENGTH, "ünï:cøde|#?%&", "1f0-a.b_c@d", "a b c"])
def test_an_id(given: str) -> None:
    assert RunScope(thread_id=given).thread_id == given
    assert spec(run_id=given).run_id == given


@pytest.mark.parametrize(
    "given",
    ["", " ", " a", "a ", "a/b", "/", "a\nb", "a\n", "\ta", "a\x00", "a\x7f", "\ud800", "x" * (ID_MAX_LENGTH + 1)],
)
def test_an_id_that_temporal_or_its_ui_could_not_hold(given: str) -> None:
    with pytest.raises(ValidationError):
        RunScope(thread_id=given)
    with pytest.raises(ValidationError):
        spec(run_id=given)


@pytest.mark.parametrize("given", ["a\x85b", "a\u2028b", "a\u200b"])
def test_an_id_is_one_printable_line(given: str) -> None:
    with pytest.raises(ValidationError):
        RunScope(thread_id=given)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"kind": "stateful"}, "a stateful run needs scope.thread_id"),
        ({"kind": "stateless", "thread_id": "t"}, "leave scope.thread_id out"),
        ({"kind": "other", "thread_id": "t"}, "'stateful' or 'stateless'"),
        ({"thread_id": "t", "more": 1}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_scope(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        RunScope(**fields)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"assistant_id": ""}, "assistant_id"),
    ({"input": 1, "command": RunCommand(resume=1)}, "input and command exclude each other"),
    ({"stream_modes": ()}, "stream_modes is empty; use one or more of values, updates"),
    ({"stream_modes": ("valeus",)}, "stream_modes"),
    ({"stream_modes": "valeus"}, "stream_modes"),
    ({"on_completion": "delete"}, "on_completion is for stateless runs"),
    ({"on_completion": "burn"}, "on_completion"),
    ({"multitask_strategy": "wait"}, "multitask_strategy"),
    ({"durability": "never"}, "durability"),
    ({"on_interrupt": "ignore"}, "on_interrupt"),
    ({"on_disconnect": "ignore"}, "on_disconnect"),
    ({"after_seconds": -1}, "after_seconds"),
    ({"after_seconds": float("nan")}, "after_seconds"),
    ({"run_timeout": 0}, "run_timeout"),
    ({"run_timeout": float("inf")}, "run_timeout"),
    ({"step_timeout": -1}, "step_timeout"),
    ({"awaiting_timeout": 0}, "awaiting_timeout"),
    ({"run_timeout": 1e12}, "run_timeout"),
    ({"follow_up_to_run_id": "a/b"}, "follow_up_to_run_id"),
    ({"metadata": []}, "metadata"),
    ({"runnable_config": "x"}, "runnable_config"),
    ({"interupt_before": "x"}, "interupt_before"),
    ({"retry": {"max_attempts": 0}}, "max_attempts"),
    ({"retry": {"backoff": 0.5}}, "backoff"),
    ({"retry": {"initial_interval": 0}}, "initial_interval"),
    ({"retry": {"max_interval": 0}}, "max_interval"),
    ({"command": {"resum": 1}}, "resum"),
    ({"checkpoint_request": {"id": 1}}, "checkpoint_request"),
]


@pytest.mark.parametrize(("fields", "text"), WRONG, ids=[str(case[0]) for case in WRONG])
def test_a_wrong_field_is_named(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        spec(**fields)


@pytest.mark.parametrize("field", ["stream_modes", "interrupt_before", "interrupt_after"])
def test_a_single_name_is_not_read_as_its_letters(field: str) -> None:
    name = "updates" if field == "stream_modes" else "node"
    assert getattr(spec(**{field: name}), field) == (name,)
    assert getattr(spec(**{field: [name, name]}), field) == (name, name)


@pytest.mark.parametrize("field", ["interrupt_before", "interrupt_after"])
def test_all_nodes(field: str) -> None:
    assert getattr(spec(**{field: "*"}), field) == "*"


def test_a_spec_does_not_change_and_does_not_change_what_it_was_made_of() -> None:
    given = {"assistant_id": "graph", "scope": THREAD, "stream_modes": "values"}
    made = RunSpec.model_validate(given)
    assert given["stream_modes"] == "values"
    with pytest.raises(ValidationError):
        made.assistant_id = "other"  # type: ignore[misc]


def test_every_stream_mode_is_allowed() -> None:
    assert spec(stream_modes=STREAM_MODES).stream_modes == STREAM_MODES


@pytest.mark.parametrize(
    ("status", "terminal"),
    [("pending", False), ("running", False), ("awaiting_input", False), ("success", True), ("error", True),
     ("timeout", True), ("interrupted", True), ("rolled_back", True)],
)  # fmt: skip
def test_which_statuses_are_terminal(status: str, terminal: bool) -> None:
    assert RunStatus(status).terminal is terminal
    assert len(RunStatus) == 8


NOW = datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@pytest.mark.parametrize(
    "model",
    [
        RunRecord(run_id="r", thread_id="t", assistant_id="a", created_at=NOW, updated_at=NOW),
        RunRecord(
            run_id="r", thread_id="t", assistant_id="a", created_at=NOW, updated_at=NOW, started_at=NOW, ended_at=NOW,
            status=RunStatus.ERROR, error=RunError(type="E", message="m", traceback="t"), sequence=3, attempt=2,
            steps=7, usage={"tokens": 1}, metadata={"a": [1]},
        ),
        WaitResult(run_id="r", thread_id="t", status=RunStatus.AWAITING_INPUT, values={"a": 1},
                   interrupts=(RunInterrupt(id="i", value={"q": 1}, namespace=("n:1",)),)),
        StreamEvent(id="1", event="values", data={"a": None}),
        RetryPolicy(max_attempts=3, retry_on=("ValueError",)),
        CheckpointRequest(checkpoint_id="c"),
    ],
)  # fmt: skip
def test_a_public_model_stays_the_same_through_json(model: Any) -> None:
    assert type(model).model_validate_json(model.model_dump_json()) == model


def test_run_ids_are_unique_and_valid() -> None:
    ids = {new_run_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(spec(run_id=one) for one in ids)
