"""Whatever a graph can hold, a reader can parse: properties of the serialization, tried with generated values."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections import deque
from datetime import timedelta
from typing import Any, NamedTuple, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langgraph.types import Command, Interrupt, Overwrite, Send, StateSnapshot
from pydantic import BaseModel, ConfigDict, computed_field
from support.sampling import some

from perdure.contracts.serialization.json_encoder import UNSERIALIZABLE, Encoder
from perdure.contracts.serialization.serializer import from_json, to_json

from .strict_json import parse

# The same examples every time: a failure here is one of this commit, and CI keeps nothing between runs.
repeatable = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=len(some(range(200))),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Colour(enum.Enum):
    RED = "red"
    PAIR = (1, 2)


class Model(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str
    more: Any = None


class Counted(BaseModel):
    """Shown as `model_dump` says."""

    more: Any = None

    @computed_field
    @property
    def count(self) -> int:
        return 1


@dataclasses.dataclass
class Data:
    name: str
    more: Any = None


@dataclasses.dataclass(slots=True, frozen=True)
class Slotted:
    more: Any


class Named(NamedTuple):
    x: Any
    y: Any


class Rows(list[Any]):
    pass


class Broken:
    """Nothing can be learnt of it."""

    def __repr__(self) -> str:
        raise RuntimeError

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


class BrokenModel(BaseModel):
    def model_dump(self, **_: Any) -> Any:
        raise RuntimeError


broken = st.sampled_from(
    [Broken, BrokenModel, lambda: object.__new__(Slotted), object, lambda: len, lambda: iter(()), lambda: slice(1)]
)
texts = st.text(st.characters(codec=None), max_size=8)
"""Of any characters, halves of surrogate pairs too."""
numbers = st.integers() | st.integers(-(2**70), 2**70) | st.floats() | st.complex_numbers() | st.fractions()
hashable_leaves = (
    st.none()
    | st.booleans()
    | numbers
    | texts
    | st.binary(max_size=8)
    | st.datetimes(timezones=st.none() | st.timezones())
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.ip_addresses()
    | st.sampled_from(Colour)
    | st.sampled_from([int, Colour, range(3), timedelta(1)])
)
keys = st.recursive(
    hashable_leaves, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4
)
leaves = hashable_leaves | st.builds(bytearray, st.binary(max_size=4)) | broken.map(lambda make: make())


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(inner, max_size=4)
    fields = st.dictionaries(texts, inner, max_size=3)
    return st.one_of(
        lists,
        lists.map(tuple),
        lists.map(Rows),
        lists.map(deque),
        lists.map(lambda items: [items, items, {"again": items}]),
        fields,
        st.dictionaries(keys, inner, max_size=3),
        st.sets(keys, max_size=3),
        st.builds(Data, texts, inner),
        st.builds(Slotted, inner),
        st.builds(Named, inner, inner),
        st.builds(Model, name=texts.map(_paired), more=inner),
        inner.map(lambda value: Model(name="", also=value)),  # type: ignore[call-arg]
        st.builds(Counted, more=inner),
        fields.map(lambda found: HumanMessage("hi", additional_kwargs=found)),
        st.builds(AIMessage, content=st.just("hi"), id=st.none()),
        st.builds(AIMessageChunk, content=st.just("h"), response_metadata=fields),
        inner.map(lambda value: ToolMessage("found", tool_call_id="1", artifact=value)),
        st.builds(Send, st.just("node"), inner),
        inner.map(_command),
        inner.map(lambda value: Interrupt(value, id="1")),
        inner.map(Overwrite),
        inner.map(lambda value: StateSnapshot(value, (), {}, None, None, None, (), ())),
        lists.map(lambda items: ValueError(*items)),
        lists.map(_containing_itself),
    )


def _command(value: Any) -> object:
    return cast("object", Command(goto=[Send("node", value)], update={"more": value}))


def _paired(text: str) -> str:
    # pydantic takes no others.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _containing_itself(items: list[Any]) -> list[Any]:
    items.append({"self": items})
    return items


values = st.recursive(leaves, _containers, max_leaves=12)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(values)
@repeatable
def test_whatever_a_graph_can_hold_a_reader_can_parse(value: Any) -> None:
    parse(to_json(value))


@given(values)
@repeatable
def test_the_same_value_gives_the_same_bytes(value: Any) -> None:
    assert to_json(value) == to_json(value)


@given(plain)
@repeatable
def test_plain_values_come_back_exactly(value: Any) -> None:
    data = to_json(value)
    assert repr(from_json(data)) == repr(value)  # with the types of numbers, and the sign of zero
    assert repr(json.loads(data)) == repr(value)


@given(values)
@repeatable
def test_what_was_written_is_plain(value: Any) -> None:
    data = to_json(value)
    assert to_json(from_json(data)) == data


@given(plain | st.builds(Model, name=st.text(max_size=4), more=plain) | st.builds(Data, st.text(max_size=4), plain))
@repeatable
def test_the_long_way_writes_what_the_short_way_does(value: Any) -> None:
    assert Encoder(value).encode() == to_json(value)


@given(st.sets(keys, max_size=6))
@repeatable
def test_a_set_has_one_order(members: set[Any]) -> None:
    assert to_json(members) == to_json({*reversed([*members])})


@given(st.dictionaries(keys, st.integers(0, 9), max_size=6))
@repeatable
def test_no_key_is_lost(fields: dict[Any, int]) -> None:
    found = parse(to_json(fields))
    assert sorted(found.values()) == sorted(fields.values())
    assert UNSERIALIZABLE not in found
