"""What becomes of objects: their fields, as the class wants them shown, and nothing that is no field."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langgraph.store.base import SearchItem
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    RootModel,
    SecretStr,
    computed_field,
    field_serializer,
    model_serializer,
)
from pydantic import v1 as pydantic_v1

from perdure.contracts.serialization.serializer import from_json, to_json


class Inner(BaseModel):
    name: str


class Longer(Inner):
    more: int = 1


class Holder(BaseModel):
    inner: Inner
    message: BaseMessage | None = None
    anything: Any = None


class Excluding(BaseModel):
    shown: int = 1
    hidden: int = Field(default=2, exclude=True)


class Serializing(BaseModel):
    number: int = 1

    @field_serializer("number")
    def _as_text(self, value: int) -> str:
        return f"number {value}"


class Whole(BaseModel):
    number: int = 1

    @model_serializer
    def _as_text(self) -> str:
        return f"whole {self.number}"


class Computing(BaseModel):
    number: int = 1

    @computed_field
    @property
    def double(self) -> int:
        return 2 * self.number


class Overriding(BaseModel):
    number: int = 1

    def model_dump(self, **_: Any) -> dict[str, Any]:
        return {"own": self.number, "set": {1}}


class Root(RootModel[list[int]]):
    pass


class Secretive(BaseModel):
    key: SecretStr = SecretStr("sesame")


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    number: int = 1


class Remembering(BaseModel):
    number: int = 1
    _private: int = PrivateAttr(default=5)

    @cached_property
    def double(self) -> int:
        return 2 * self.number


class Old(pydantic_v1.BaseModel):
    number: int = 1
    items: set[int] = {2}


class OldAndFailing(Old):
    def dict(self, **_: Any) -> Any:
        raise RuntimeError


@dataclasses.dataclass
class Data:
    shown: int = 1
    _private: int = 2

    @cached_property
    def double(self) -> int:
        return 2 * self.shown


@dataclasses.dataclass
class DataAndDict(dict[str, int]):
    number: int = 1


def _remembering() -> Remembering:
    model = Remembering()
    assert model.double == 2
    return model


def _data() -> Data:
    data = Data()
    assert data.double == 2
    return data


OBJECTS: dict[str, tuple[Any, Any]] = {
    "an excluded field": (Excluding(), {"shown": 1}),
    "a field with a serializer": (Serializing(), {"number": "number 1"}),
    "a model with a serializer": (Whole(), "whole 1"),
    "a computed field": (Computing(), {"number": 1, "double": 2}),
    "a model_dump of its own": (Overriding(), {"own": 1, "set": [1]}),
    "a root model": (Root([1, 2]), [1, 2]),
    "a secret": (Secretive(), {"key": "**********"}),
    "more fields": (Open.model_validate({"more": {1}}), {"number": 1, "more": [1]}),
    "no more fields": (Open(), {"number": 1}),
    "what is no field": (_remembering(), {"number": 1}),
    "a field that is not there": (Longer.model_construct(more=2), {"more": 2}),
    "a model of version 1": (Old(), {"number": 1, "items": [2]}),
    "a dataclass with more": (_data(), {"shown": 1}),
    "a dataclass that is a dict": (DataAndDict(), {"number": 1}),
}


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("beside", [1, frozenset({1})], ids=["short way", "long way"])
def test_an_object_is_shown_by_its_fields(name: str, beside: Any) -> None:
    value, expected = OBJECTS[name]
    assert from_json(to_json({"value": value, "more": [value], "beside": beside}))["value"] == expected


def test_a_field_is_shown_by_what_is_in_it() -> None:
    message = AIMessage("hi", tool_calls=[{"name": "search", "args": {}, "id": "1"}])
    found = from_json(to_json(Holder(inner=Longer(name="n"), message=message)))
    assert found["inner"] == {"name": "n", "more": 1}
    assert found["message"]["tool_calls"] == [{"name": "search", "args": {}, "id": "1", "type": "tool_call"}]


@pytest.mark.parametrize(
    "message",
    [
        HumanMessage([{"type": "text", "text": "hi"}], id="1", extra_field=1),
        AIMessage("hi", tool_calls=[{"name": "t", "args": {"a": [1]}, "id": "1"}], response_metadata={"a": {"b": 1}}),
        AIMessageChunk(content="h", tool_call_chunks=[{"name": "t", "args": '{"a', "id": "1", "index": 0}]),
        ToolMessage("found", tool_call_id="1", artifact={"rows": [[1]]}),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_is_what_it_says_of_itself(message: BaseMessage) -> None:
    assert from_json(to_json(message)) == message.model_dump()
    assert from_json(to_json([message, {1}]))[0] == message.model_dump()


def test_what_a_tool_keeps_is_cut_only_where_it_has_no_form() -> None:
    found = from_json(to_json(ToolMessage("found", tool_call_id="1", artifact={"file": object(), "rows": {1}})))
    assert found["artifact"] == {"file": {"__unserializable__": "object"}, "rows": [1]}
    assert found["content"] == "found"


def test_an_old_model_that_fails_gets_a_placeholder() -> None:
    assert from_json(to_json(OldAndFailing())) == {"__unserializable__": f"{__name__}.OldAndFailing"}


def test_an_item_of_a_store_has_its_score() -> None:
    noon = datetime(2024, 5, 6, 12, tzinfo=UTC)
    found = from_json(to_json(SearchItem(("a",), "k", {"n": {1}}, noon, noon, score=0.5)))
    assert (found["key"], found["value"], found["score"]) == ("k", {"n": [1]}, 0.5)


def test_arrays_of_numpy_become_lists() -> None:
    numpy = pytest.importorskip("numpy")
    value = {numpy.int64(1): numpy.arange(4).reshape(2, 2), "scalar": numpy.float32(0.5), "none": numpy.float64("nan")}
    assert from_json(to_json(value)) == {"1": [[0, 1], [2, 3]], "scalar": 0.5, "none": None}
