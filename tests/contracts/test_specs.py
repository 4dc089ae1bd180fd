"""A spec on its way to the worker keeps its values and their types."""

from __future__ import annotations

import dataclasses
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import BaseModel

from perdure.contracts.errors import InvalidRunError, TypeNotAllowedError
from perdure.contracts.serialization.allowed_types import ALLOWED, refusing_types
from perdure.contracts.specs import dump_spec, load_spec
from perdure.contracts.types import (
    STREAM_MODES,
    CheckpointRequest,
    MultitaskStrategy,
    RetryPolicy,
    RunCommand,
    RunScope,
    RunSpec,
)


class Model(BaseModel):
    name: str


@dataclasses.dataclass
class Data:
    name: str


def spec(**fields: Any) -> RunSpec:
    return RunSpec(assistant_id="graph", scope=RunScope(thread_id="thread"), **fields)


def there_and_back(given: RunSpec) -> RunSpec:
    return load_spec(*dump_spec(given))


VALUES: dict[str, Any] = {
    "nothing": None,
    "text": "hello",
    "bytes": b"\x00\xff",
    "numbers": [1, 2.5, 2**62, True],
    "nested": {"a": [{"b": [1, 2]}]},
    "a set": {1, 2},
    "messages": {"messages": [HumanMessage("hi", id="1"), AIMessage("yo", id="2")]},
    "a moment": datetime(2024, 1, 2, tzinfo=UTC),
    "a false value": 0,
    "an empty dict": {},
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("field", ["input", "context"])
def test_a_value_comes_back_with_its_type(field: str, name: str) -> None:
    found = getattr(there_and_back(spec(**{field: VALUES[name]})), field)
    assert found == VALUES[name]
    assert type(found) is type(VALUES[name])


def test_a_tuple_becomes_a_list() -> None:
    assert there_and_back(spec(input={"a": (1, 2)})).input == {"a": [1, 2]}


def test_models_and_dataclasses_come_back_where_they_are_allowed() -> None:
    given = spec(input={"model": Model(name="m"), "data": Data("d")})
    assert there_and_back(given).input == {"model": {"name": "m"}, "data": {"name": "d"}}
    with refusing_types(), pytest.raises(TypeNotAllowedError, match=r"Data, .*Model"):
        there_and_back(given)
    ALLOWED.add([(__name__, "Model"), (__name__, "Data")])
    found = there_and_back(spec(input={"model": Model(name="m"), "data": Data("d")})).input
    assert (found["model"], found["data"]) == (Model(name="m"), Data("d"))


def test_every_field_comes_back() -> None:
    given = spec(
        run_id="run",
        command=None,
        input={"a": 1},
        runnable_config={"configurable": {"x": 1}, "tags": ["t"], "recursion_limit": 5},
        context={"user": "u"},
        metadata={"m": [1]},
        thread_metadata={"t": 1},
        annotations={"of": ["a client"]},
        stream_modes=STREAM_MODES,
        stream_subgraphs=True,
        stream_resumable=False,
        on_disconnect="cancel",
        multitask_strategy=MultitaskStrategy.REJECT,
        interrupt_before="*",
        interrupt_after=("a", "b"),
        checkpoint_request=CheckpointRequest(checkpoint_id="c"),
        follow_up_to_run_id="before",
        webhook="https://example.org",
        feedback_keys=("k",),
        after_seconds=1.5,
        durability="async",
        on_interrupt="finish",
        run_timeout=1.0,
        step_timeout=2.0,
        awaiting_timeout=3.0,
        retry=RetryPolicy(max_attempts=3, retry_on=("ValueError",)),
    )
    untouched = {name for name in RunSpec.model_fields if getattr(given, name) == RunSpec.model_fields[name].default}
    assert untouched <= {"command", "on_completion"}
    assert there_and_back(given) == given


@pytest.mark.parametrize(
    "command",
    [
        RunCommand(resume="yes"),
        RunCommand(resume={"id": {"a": [1]}}),
        RunCommand(update={"messages": [HumanMessage("hi", id="1")]}, goto="node"),
        RunCommand(goto=("a", "b")),
        RunCommand(resume=False),
    ],
)
def test_a_command_comes_back(command: RunCommand) -> None:
    assert there_and_back(spec(command=command)).command == command


def test_a_spec_without_an_input_has_none_after_it() -> None:
    assert there_and_back(spec()).input is None
    assert there_and_back(spec()).command is None


@pytest.mark.parametrize("field", ["input", "context", "runnable_config", "command"])
def test_what_cannot_be_stored_names_its_field(field: str) -> None:
    values: dict[str, Any] = {
        "input": {"f": lambda: None},
        "context": lambda: None,
        "runnable_config": {"configurable": {"f": lambda: None}},
        "command": RunCommand(update={"f": lambda: None}),
    }
    with pytest.raises(InvalidRunError, match=f"{field} cannot be stored") as raised:
        dump_spec(spec(**{field: values[field]}))
    assert raised.value.field == field


def test_what_cannot_be_stored_in_the_metadata_names_its_field() -> None:
    with pytest.raises(InvalidRunError, match="metadata"):
        dump_spec(spec(metadata={"f": lambda: None}))


def _value(numbers: random.Random, depth: int) -> Any:
    if depth == 0 or numbers.random() < 0.3:
        return numbers.choice([value for name, value in VALUES.items() if name != "nested"])
    items = [_value(numbers, depth - 1) for _ in range(numbers.randint(0, 3))]
    return numbers.choice([items, {str(number): item for number, item in enumerate(items)}])


def test_any_value_comes_back() -> None:
    numbers = random.Random(3)
    for _ in range(200):
        value = _value(numbers, 4)
        assert there_and_back(spec(input=value)).input == value
