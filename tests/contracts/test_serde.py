"""What is read back builds only what is allowed, and says what it has not built."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy
import ormsgpack
import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langchain_core.prompt_values import ChatPromptValue
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Command, Interrupt, Send
from pydantic import SecretStr
from support import foreign

from perdure.contracts.errors import ConfigError, TypeNotAllowedError
from perdure.contracts.serialization.allowed_types import AllowedTypes, named_types, refusing_types
from perdure.contracts.serialization.serde import Serializer, unstorable

FOREIGN = foreign.__name__


@dataclass
class Seen:
    number: int


def reader(*, refuses: bool = True) -> Serializer:
    """One that allows nothing of what other tests of this process have allowed."""
    return Serializer(refuses=refuses, allowed=AllowedTypes())


def constructor(code: int, *parts: object) -> tuple[str, bytes]:
    """What names any callable, as somebody would write it into a store."""
    return "msgpack", ormsgpack.packb({"x": [ormsgpack.Ext(code, ormsgpack.packb(parts))]})


ATTACKS = {
    "a call with one argument": constructor(0, FOREIGN, "call", "built"),
    "a call with arguments": constructor(1, FOREIGN, "call", ["built"]),
    "a call with names": constructor(2, FOREIGN, "call", {"argument": "built"}),
    "a method": constructor(3, FOREIGN, "Unknown", 1, "__call__"),
    "a model of pydantic v1": constructor(4, FOREIGN, "Unknown", {"number": 1}),
    "a model": constructor(5, FOREIGN, "Unknown", {"number": 1}, "model_validate_json"),
    "the system": constructor(0, "os", "system", "true"),
    "LangChain's constructor": (
        "json",
        json.dumps({"x": {"lc": 1, "type": "constructor", "id": [FOREIGN, "call"], "kwargs": {}}}).encode(),
    ),
    "LangGraph's constructor": (
        "json",
        json.dumps({"x": {"lc": 2, "type": "constructor", "id": [FOREIGN, "call"], "args": [1]}}).encode(),
    ),
    "a secret of the environment": ("json", json.dumps({"lc": 1, "type": "secret", "id": ["PATH"]}).encode()),
}


@pytest.fixture(autouse=True)
def nothing_built() -> None:
    foreign.BUILT.clear()


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_else_is_called(attack: str) -> None:
    with pytest.raises(TypeNotAllowedError) as refused:
        reader().loads_typed(ATTACKS[attack])
    assert refused.value.types
    reader(refuses=False).loads_typed(ATTACKS[attack])
    assert foreign.BUILT == []


def test_a_pickle_is_not_read() -> None:
    with pytest.raises(NotImplementedError, match="pickle"):
        reader(refuses=False).loads_typed(("pickle", pickle.dumps({"x": 1})))


def test_the_error_names_the_type_and_the_setting() -> None:
    with pytest.raises(TypeNotAllowedError, match="Unknown") as refused:
        reader().loads_typed(reader().dumps_typed({"a": [foreign.Unknown(1)]}))
    assert f'checkpointer.allowed_types: ["{FOREIGN}.Unknown"]' in str(refused.value)
    assert "run 'r1'" in str(refused.value.of("r1"))


def test_what_is_only_shown_is_shown_as_its_data(caplog: pytest.LogCaptureFixture) -> None:
    shown = reader(refuses=False)
    dumped = shown.dumps_typed({"a": Seen(1)})
    assert shown.loads_typed(dumped) == {"a": {"number": 1}}
    assert f"{__name__}.Seen is not allowed" in caplog.text
    with refusing_types(), pytest.raises(TypeNotAllowedError):
        shown.loads_typed(dumped)


def test_what_is_allowed_later_is_built_from_then_on() -> None:
    allowed = AllowedTypes()
    serializer = Serializer(allowed=allowed)
    dumped = serializer.dumps_typed(foreign.Named(1))
    with pytest.raises(TypeNotAllowedError):
        serializer.loads_typed(dumped)
    allowed.add_settings([f"{FOREIGN}.Named"])
    assert serializer.loads_typed(dumped) == foreign.Named(1)


@pytest.mark.parametrize(
    ("named", "text"),
    [
        ("nowhere.Thing", "nowhere cannot be imported"),
        (f"{FOREIGN}.Missing", "is no class"),
        (f"{FOREIGN}.call", "is no class"),
        ("Thing", "is no class"),
    ],
)
def test_a_setting_that_names_no_class_is_refused(named: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        AllowedTypes().add_settings([named])


@pytest.mark.parametrize(
    "value",
    [
        *(HumanMessage("a", id="1"), AIMessage("b", id="2"), RemoveMessage(id="1"), Document(page_content="c")),
        *(Send("node", {"a": 1}), Command(resume=1), Interrupt(value=1, id="x"), SecretStr("s")),
        *(datetime.now(UTC), Decimal("1.5"), Path("a/b"), {1, 2}, frozenset({1}), b"x", None, {1: (2,)}),
        ChatPromptValue(messages=[HumanMessage("a")]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_langgraphs_and_langchains_own_is_read_as_before(value: Any) -> None:
    dumped = reader().dumps_typed(value)
    assert dumped == JsonPlusSerializer().dumps_typed(value)
    assert repr(reader().loads_typed(dumped)) == repr(JsonPlusSerializer().loads_typed(dumped))


def test_arrays_are_read_as_before() -> None:
    assert reader().loads_typed(reader().dumps_typed(numpy.arange(3))).tolist() == [0, 1, 2]


def test_plain_json_of_older_langgraphs_is_read() -> None:
    assert reader().loads_typed(("json", b'{"a": [1, "b"]}')) == {"a": [1, "b"]}


def test_the_types_of_a_value() -> None:
    value = {"a": [foreign.Named(1)], "b": (HumanMessage("x"),), "c": 1}
    assert {name for _, name in named_types(value)} == {"Named", "HumanMessage"}
    endless: list[Any] = []
    endless.append(endless)
    assert [*named_types(endless)] == []


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (object(), ("", "object")),
        ({"a": [1, {"b": object()}]}, ("['a'][1]['b']", "object")),
        (Send("node", {"x": object()}), (".arg['x']", "object")),
        (foreign.Named(object()), (".number", "object")),  # pyright: ignore[reportArgumentType]
        ({"fine": 1}, None),
    ],
)
def test_where_a_value_cannot_be_stored(value: Any, place: tuple[str, str] | None) -> None:
    assert unstorable(value, reader().dumps_typed) == place
