"""No value costs more than there is of it: what contains itself, goes deep, or unfolds to no end, is cut."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from langchain_core.messages import AIMessage
from pydantic import BaseModel, computed_field

from perdure.contracts.serialization.json_encoder import MAX_DEPTH, MOST_BYTES, UNSERIALIZABLE
from perdure.contracts.serialization.serializer import from_json, to_json

from .strict_json import parse


class Model(BaseModel):
    left: Any = None
    right: Any = None


class Counted(Model):
    """Shown as `model_dump` says."""

    @computed_field
    @property
    def count(self) -> int:
        return 1


@dataclasses.dataclass
class Data:
    left: Any = None
    right: Any = None


class Pair(NamedTuple):
    left: Any
    right: Any


class Fresh(BaseModel):
    """Contains two new ones each time."""

    def model_dump(self, **_: Any) -> Any:
        return {"left": Fresh(), "right": Fresh()}


class FreshEnum(enum.Enum):
    ONE = 1

    @property
    def value(self) -> Any:
        return [FreshEnum.ONE, [FreshEnum.ONE]]


class Endless(collections.abc.Mapping[int, int]):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, key: int) -> int:
        return key

    def __iter__(self) -> Iterator[int]:
        key = 0
        while True:
            yield (key := key + 1)


class OfItself(collections.abc.Sequence[Any]):
    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: Any) -> Any:
        if index > 1:
            raise IndexError
        return OfItself()


def _nested(times: int, around: Callable[[Any], Any], value: Any) -> Any:
    for _ in range(times):
        value = around(value)
    return value


def _cut(kind: type | str) -> dict[str, str]:
    return {UNSERIALIZABLE: kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"}


UNFOLDING: dict[str, Callable[[], Any]] = {
    "a list": lambda: _nested(60, lambda value: [value, value], []),
    "a tuple": lambda: _nested(60, lambda value: (value, value), ()),
    "a dict": lambda: _nested(60, lambda value: {"left": value, "right": value}, {}),
    "a dataclass": lambda: _nested(60, lambda value: Data(value, value), None),
    "a named tuple": lambda: _nested(60, lambda value: Pair(value, value), None),
    "a model": lambda: _nested(60, lambda value: Model(left=value, right=value), None),
    "a model with serializers": lambda: _nested(60, lambda value: Counted(left=value, right=value), None),
    "a list in a model with serializers": lambda: Counted(left=_nested(60, lambda value: [value, value], [])),
    "a frozenset": lambda: _nested(40, lambda value: frozenset({value, (value,)}), frozenset()),
    "an exception": lambda: ValueError(_nested(60, lambda value: [value, value], [])),
    "a wide list": lambda: _nested(4, lambda value: [value] * 1_000, 0),
    "a long list, many times": lambda: [list(range(200_000))] * 1_000,
    "a text": lambda: _nested(60, lambda value: [value, value], ["x" * 1_000]),
    "many small ones": lambda: [[part] for part in [_nested(12, lambda value: [value, value], [])] * 5_000],
    "at depths that differ": lambda: _nested(110, lambda value, part=[0] * 200_000: [part, value], []),
}


@pytest.mark.parametrize("name", UNFOLDING)
def test_what_would_unfold_to_no_end_is_cut(name: str) -> None:
    data = to_json(UNFOLDING[name]())
    assert data.count(UNSERIALIZABLE.encode()) >= 1
    assert len(data) < 6 * MOST_BYTES


NEVER_ENDING: dict[str, Callable[[], Any]] = {
    "a model that makes new ones": Fresh,
    "an enum that makes new lists": lambda: FreshEnum.ONE,
    "an endless mapping": Endless,
    "a sequence of itself": OfItself,
}


@pytest.mark.parametrize("name", NEVER_ENDING)
def test_code_that_makes_ever_more_comes_to_an_end(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The real number takes seconds.
    monkeypatch.setattr("perdure.contracts.serialization.json_encoder.MOST_BYTES", 160_000)
    monkeypatch.setattr("perdure.contracts.serialization.json_forms._MOST_ITEMS", 10_000)
    assert UNSERIALIZABLE.encode() in to_json(NEVER_ENDING[name]())


def test_parts_that_are_there_several_times_are_written_each_time() -> None:
    part: Any = {"a": [1, {2}]}
    assert from_json(to_json([part, part, {"again": part}])) == [*[{"a": [1, [2]]}] * 2, {"again": {"a": [1, [2]]}}]


def test_only_what_is_too_much_is_cut() -> None:
    long = ["x" * 1_000] * 9_000
    found = from_json(to_json([long, long, long, AIMessage("short", id="1"), {1}]))
    assert [len(found[0]), len(found[1]), found[2]] == [9_000, 9_000, _cut("list")]
    assert found[3]["content"] == "short"
    assert found[4] == [1]


def test_a_long_list_is_whole() -> None:
    assert len(from_json(to_json(list(range(1_500_000))))) == 1_500_000
    assert from_json(to_json([{"a": 1, "b": 2}] * 500_000))[-1] == {"a": 1, "b": 2}


def test_a_long_list_of_objects_is_whole() -> None:
    rows = [{"row": number, "of": (number,)} for number in range(50_000)]
    assert from_json(to_json([*rows, {1}]))[-2:] == [{"row": 49_999, "of": [49_999]}, [1]]
    assert len(from_json(to_json([*map(Data, range(50_000)), {1}]))) == 50_001


def test_four_times_the_values_take_about_four_times_as_long() -> None:
    def seconds(count: int) -> float:
        value = [[number, {"n": number}] for number in range(count)]
        begun = time.process_time()
        to_json(value)
        return time.process_time() - begun

    small = min(seconds(20_000) for _ in range(3))
    assert seconds(80_000) < 20 * small


DEEP: dict[str, Callable[[Any], Any]] = {
    "lists": lambda value: [value],
    "dicts": lambda value: {"a": value},
    "tuples": lambda value: (value,),
    "models": lambda value: Model(left=value),
    "dataclasses": Data,
}


@pytest.mark.parametrize("around", DEEP)
@pytest.mark.parametrize("beside", [None, {1}], ids=["short way", "long way"])
def test_nesting_is_kept_up_to_the_limit_and_cut_beyond(around: str, beside: Any) -> None:
    for times in (MAX_DEPTH - 1, MAX_DEPTH, 5_000):
        data = to_json([_nested(times, DEEP[around], beside)])
        parse(data)
        whole = times < MAX_DEPTH - (beside is not None)
        assert (UNSERIALIZABLE.encode() in data) is not whole


def test_it_works_deep_in_a_stack() -> None:
    def deeper(levels: int) -> bytes:
        return deeper(levels - 1) if levels else to_json([_nested(100, Data, {1}), "beside"])

    assert parse(deeper(700))[1] == "beside"


def _of_itself(value: Any) -> Any:
    value.left = [value, 1]
    return value


@pytest.mark.parametrize("make", [Model, Data])
def test_what_contains_itself_is_cut_where_it_does(make: Callable[[], Any]) -> None:
    found = from_json(to_json({"it": _of_itself(make()), "beside": 1}))
    assert found == {"it": {"left": [_cut(make if isinstance(make, type) else ""), 1], "right": None}, "beside": 1}


def test_a_list_of_itself_is_cut() -> None:
    value: list[Any] = [1]
    value.append(value)
    assert from_json(to_json(value)) == [1, _cut("list")]


def test_a_message_of_itself_keeps_its_text() -> None:
    message = AIMessage("text")
    message.additional_kwargs["message"] = message
    assert from_json(to_json(message))["content"] == "text"


def test_a_generator_is_not_consumed() -> None:
    numbers = (number for number in range(3))
    assert from_json(to_json([numbers])) == [_cut("generator")]
    assert list(numbers) == [0, 1, 2]


def test_one_warning_names_the_types(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        to_json([object(), object(), len, *(type(f"Kind{number}", (), {})() for number in range(50))])
    assert len(caplog.records) == 1
    assert "2 × object, 1 × builtin_function_or_method" in caplog.text
    assert caplog.text.count("Kind") < 10


def test_nothing_is_warned_of_when_nothing_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        to_json([{1: {2}, "1": Data()}, 2**70, "\ud800"])
    assert caplog.records == []
