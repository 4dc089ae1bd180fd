"""Which checkpoint a run asks to start from."""

from __future__ import annotations

from typing import Any

import pytest

from perdure import RunSpec
from perdure.contracts.errors import InvalidRunError
from perdure.contracts.types import CheckpointRequest
from perdure.facade.forks import requested_checkpoint

STATELESS = {"kind": "stateless"}


def _spec(request: Any, scope: Any = None) -> RunSpec:
    return RunSpec.model_validate(
        {"assistant_id": "a", "scope": scope or {"thread_id": "t"}, "checkpoint_request": request}
    )


@pytest.mark.parametrize("request_fields", [None, {}])
def test_none(request_fields: Any) -> None:
    assert requested_checkpoint(_spec(request_fields)) is None


@pytest.mark.parametrize(
    "request_fields",
    [
        {"checkpoint_id": "x"},
        {"checkpoint": {"checkpoint_id": "x"}},
        {"checkpoint": {"checkpoint_id": "x"}, "checkpoint_id": "x"},
        {"checkpoint": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "x", "checkpoint_map": None}},
    ],
)
def test_every_form_comes_to_the_id(request_fields: dict[str, Any]) -> None:
    assert requested_checkpoint(_spec(request_fields)) == CheckpointRequest(checkpoint_id="x")


@pytest.mark.parametrize(
    ("request_fields", "why"),
    [
        ({"checkpoint": {"checkpoint_id": "x", "thread_id": "other"}}, "the checkpoint is of thread 'other'"),
        ({"checkpoint": {"checkpoint_id": "x", "checkpoint_ns": "inner:1"}}, "is a subgraph's"),
        ({"checkpoint": {"checkpoint_id": "x", "checkpoint_map": {"": "x", "inner:1": "y"}}}, "is a subgraph's"),
        ({"checkpoint": {"thread_id": "t"}}, "checkpoint needs a checkpoint_id"),
        ({"checkpoint": {}}, "checkpoint needs a checkpoint_id"),
        ({"checkpoint": {"checkpoint_id": 7}}, "checkpoint needs a checkpoint_id"),
        ({"checkpoint": {"checkpoint_id": "x", "id": "y"}}, "unknown key 'id'"),
        ({"checkpoint": {"checkpoint_id": "x"}, "checkpoint_id": "y"}, "two different ones"),
        ({"checkpoint_id": ""}, "checkpoint_id is empty"),
    ],
)
def test_what_is_refused(request_fields: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidRunError, match=f"checkpoint_request.*{why}") as caught:
        requested_checkpoint(_spec(request_fields))
    assert caught.value.field == "checkpoint_request"


def test_a_stateless_run_has_none() -> None:
    with pytest.raises(InvalidRunError, match="a stateless run has a new thread"):
        requested_checkpoint(_spec({"checkpoint_id": "x"}, STATELESS))
