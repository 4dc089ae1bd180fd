"""What crosses Temporal: it stays the same through JSON, grows only by optional fields, and is spelt once."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import Any

import pytest
from pydantic import BaseModel

from perdure.contracts import wire, wire_ending, wire_steering, wire_thread
from perdure.contracts.types import CancelAction, MultitaskStrategy, RetryPolicy, RunError, RunStatus, Stop
from perdure.contracts.wire import Wire

MODELS: dict[str, type[Wire]] = {
    name: kind
    for module in (wire, wire_ending, wire_steering, wire_thread)
    for name, kind in vars(module).items()
    if isinstance(kind, type) and issubclass(kind, Wire) and kind is not Wire
}
REQUIRED: dict[str, Any] = {
    "run_id": "r", "thread_id": "t", "assistant_id": "a", "fence": 2**61, "id": "i", "outcome": "more",
    "sequence": 3, "status": RunStatus.RUNNING, "stop": Stop.NOW, "finished": True,
    "accepted": True, "restored": True, "existed": True, "update_id": "u", "read_id": "r", "checkpoint_id": "c",
    "change": {"update_id": "u", "assistant_id": "a"},
    "error": RunError(type="E", message="m"), "submission": {"run_id": "r", "assistant_id": "a"},
}  # fmt: skip


def least(kind: type[BaseModel]) -> dict[str, Any]:
    return {name: REQUIRED[name] for name, field in kind.model_fields.items() if field.is_required()}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_needs_only_what_the_first_version_had(name: str) -> None:
    model = MODELS[name].model_validate(least(MODELS[name]))
    assert MODELS[name].model_validate_json(model.model_dump_json()) == model


@pytest.mark.parametrize("name", MODELS)
def test_a_newer_sides_field_is_ignored(name: str) -> None:
    given = {**least(MODELS[name]), "of_a_later_version": {"a": 1}}
    assert "of_a_later_version" not in MODELS[name].model_validate(given).model_dump()


FULL: dict[str, Any] = {
    "RunProgress": {
        "status": RunStatus.AWAITING_INPUT, "admitted": True, "cancel": CancelAction.INTERRUPT, "interrupt": True,
        "timeout": "why", "deadline": 1.5, "slices": 3, "fence": 2**61, "takeovers": 2, "steps": 9, "next": ["a"],
        "holder": "q-w", "graph_attempts": 2, "questions": [{"id": "i", "answered": 1}], "breakpoint": "c",
        "answers": [{"id": "i", "value": {"a": [1]}, "answered": 1}], "resumed": True,
    },
    "RunLimits": {
        "slice_budget": 0.0, "heartbeat_timeout": 1.0, "step_timeout": 2.0, "run_timeout": 3.0,
        "awaiting_timeout": 4.0, "after_seconds": 5.0, "on_interrupt": "finish",
        "retry": RetryPolicy(max_attempts=3, retry_on=("ValueError",)),
    },
    "ThreadState": {
        "sequence": 5, "recent": {"r": 4}, "delete_up_to": 5, "never_started": ["n"],
        "runs": [{"submission": {"run_id": "r", "assistant_id": "a", "strategy": MultitaskStrategy.INTERRUPT},
                  "sequence": 5, "started": True, "admitted": True, "cancel": CancelAction.ROLLBACK}],
    },
    "GraphFailure": {"error": RunError(type="E", message="m", traceback="t"), "classes": ["E"], "attempt": 4},
    "FinishInput": {"run_id": "r", "thread_id": "t", "fence": 2**61, "status": RunStatus.ERROR, "steps": 3,
                    "cancel_action": CancelAction.INTERRUPT, "error": RunError(type="E", message="m")},
}  # fmt: skip


@pytest.mark.parametrize("name", FULL)
def test_a_full_model_stays_the_same_through_json(name: str) -> None:
    model = MODELS[name].model_validate(FULL[name])
    assert MODELS[name].model_validate_json(model.model_dump_json()) == model
    assert set(FULL[name]) <= set(MODELS[name].model_fields)


def test_a_runs_progress_is_carried_within_its_input() -> None:
    progress = wire.RunProgress.model_validate(FULL["RunProgress"])
    given = wire.RunInput(run_id="r", thread_id="t", assistant_id="a", progress=progress)
    assert wire.RunInput.model_validate_json(given.model_dump_json()).progress == progress


def test_two_models_share_no_list() -> None:
    first, second = wire.RunProgress(), wire.RunProgress()
    first.next.append("a")
    assert second.next == []


def test_no_name_on_the_wire_means_two_things() -> None:
    names = {name: value for name, value in vars(wire).items() if name.isupper() and isinstance(value, str)}
    kinds = Counter((name.partition("_")[0], value) for name, value in names.items())
    assert [one for one, times in kinds.items() if times > 1] == []


def test_workflow_ids_of_runs_and_threads_never_meet() -> None:
    assert wire.run_workflow_id("x") == "run-x"
    assert wire.thread_workflow_id("x") == "thread-x"


def test_every_model_says_what_it_is() -> None:
    assert [name for name, kind in MODELS.items() if not inspect.getdoc(kind)] == []
