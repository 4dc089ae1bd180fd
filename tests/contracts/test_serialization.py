"""What becomes of a value of each type: each form, also beside something that takes the long way."""

from __future__ import annotations

import dataclasses
import enum
import json
import logging
import math
import random
import threading
import uuid
from collections import ChainMap, OrderedDict, UserDict, UserList, UserString, defaultdict, deque, namedtuple
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.types import Interrupt
from pydantic import BaseModel

from perdure.contracts.serialization.serializer import from_json, qualified_name, to_json

from .strict_json import parse


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Nested(enum.Enum):
    PAIR = (1, 2)


class Model(BaseModel):
    name: str
    when: datetime | None = None
    inner: Model | None = None


@dataclasses.dataclass
class Data:
    name: str
    more: Any = None


class Named(NamedTuple):
    x: int
    y: Any


Old = namedtuple("Old", ["a"])  # pyright: ignore[reportUntypedNamedTuple] – the old form, on purpose


class Text(str):
    __slots__ = ()


class Number(int):
    pass


class Rows(list[Any]):
    pass


class Odd:
    pass


class Loud(str):
    """Only what it holds counts."""

    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


class Lying(int):
    def __int__(self) -> int:
        return 8

    __index__ = __int__


class Endless(list[Any]):
    def __iter__(self) -> Any:
        while True:
            yield 1


class Moment(datetime):
    pass


UUID = uuid.UUID("12345678-1234-5678-1234-567812345678")
MOMENT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
PLACEHOLDER = {"__unserializable__": f"{__name__}.Odd"}

ROWS: dict[str, tuple[Any, Any]] = {
    "none": (None, None),
    "bool": (True, True),
    "text": ("é😀\n\u2028", "é😀\n\u2028"),
    "int": (-5, -5),
    "int64": (2**63 - 1, 2**63 - 1),
    "uint64": (2**64 - 1, 2**64 - 1),
    "float": (1.5, 1.5),
    "list": ([1, [2]], [1, [2]]),
    "tuple": ((1, (2,)), [1, [2]]),
    "dict": ({"a": {"b": 1}}, {"a": {"b": 1}}),
    "int keys": ({1: 2}, {"1": 2}),
    "none key": ({None: 1}, {"null": 1}),
    "bool key": ({True: 1}, {"true": 1}),
    "float key": ({1.5: 1}, {"1.5": 1}),
    "date key": ({date(2024, 5, 6): 1}, {"2024-05-06": 1}),
    "uuid key": ({UUID: 1}, {str(UUID): 1}),
    "enum key": ({Colour.RED: 1}, {"red": 1}),
    "nan": (math.nan, None),
    "infinity": ([math.inf, -math.inf], [None, None]),
    "huge int": (2**64, str(2**64)),
    "huge negative": ({"n": [-(2**63) - 1]}, {"n": [str(-(2**63) - 1)]}),
    "datetime": (MOMENT, "2024-05-06T07:08:09+00:00"),
    "date": (date(2024, 5, 6), "2024-05-06"),
    "time": (time(7, 8), "07:08:00"),
    "uuid": (UUID, str(UUID)),
    "enum": (Colour.RED, "red"),
    "int enum": (Level.HIGH, 3),
    "enum of a pair": (Nested.PAIR, [1, 2]),
    "model": (Model(name="m", when=MOMENT), {"name": "m", "when": "2024-05-06T07:08:09+00:00", "inner": None}),
    "model in model": (
        Model(name="m", inner=Model(name="n")),
        {"name": "m", "when": None, "inner": {"name": "n", "when": None, "inner": None}},
    ),
    "dataclass": (Data("d", {1, 2}), {"name": "d", "more": [1, 2]}),
    "named tuple": (Named(1, [2]), {"x": 1, "y": [2]}),
    "old named tuple": (Old(1), {"a": 1}),
    "bytes": (b"\x00\xff", "AP8="),
    "bytearray": (bytearray(b"a"), "YQ=="),
    "memoryview": (memoryview(b"a"), "YQ=="),
    "set": ({3, 1, 2}, [1, 2, 3]),
    "frozenset": (frozenset({"b", "a"}), ["a", "b"]),
    "mixed set": ({1, "a", None}, ['"a"', "1", "null"]),
    "deque": (deque([1, 2]), [1, 2]),
    "ordered dict": (OrderedDict(a=1), {"a": 1}),
    "default dict": (defaultdict(int, a=1), {"a": 1}),
    "chain map": (ChainMap({"a": 1}), {"a": 1}),
    "user dict": (UserDict({"a": 1}), {"a": 1}),
    "keys": ({"a": 1}.keys(), ["a"]),
    "decimal": (Decimal("1.10"), "1.10"),
    "path": (PurePosixPath("/a/b"), "/a/b"),
    "timedelta": (timedelta(minutes=1), 60.0),
    "class": (Odd, f"{__name__}.Odd"),
    "built-in class": (int, "int"),
    "text subclass": (Text("t"), "t"),
    "int subclass": (Number(7), 7),
    "list subclass": (Rows([1]), [1]),
    "exception": (ValueError("why"), {"type": "ValueError", "message": "why"}),
    "odd": (Odd(), PLACEHOLDER),
    "lone surrogate": ("a\ud800b", "a\ufffdb"),
    "lone surrogate in a key": ({"\ud800": 1}, {"\ufffd": 1}),
    "surrogates in a row": ("a\ud83d\ude00b", "a😀b"),
    "interrupt": (Interrupt(value="q", id="i"), {"value": "q", "id": "i", "response_schema": None}),
    "tuple key": ({(1, "a"): 1}, {'[1,"a"]': 1}),
    "bytes key": ({b"k": 1}, {"aw==": 1}),
    "huge key": ({2**70: 1}, {str(2**70): 1}),
    "nan key": ({math.nan: 1}, {"null": 1}),
    "odd key": ({Odd(): 1}, {f'{{"__unserializable__":"{__name__}.Odd"}}': 1}),
    "keys of one name": ({1: "a", "1": "b", 1.5: "c"}, {"1 (int)": "a", "1": "b", "1.5": "c"}),
    "keys of one name and type": (dict.fromkeys(["\ud800", "\udfff"], 1), {"\ufffd": 1, "\ufffd (str)": 1}),
    "a name that is taken, too": ({1: "a", "1": "b", "1 (int)": "c"}, {"1 (int) 2": "a", "1": "b", "1 (int)": "c"}),
    "text that has own code": (Loud("t"), "t"),
    "number that has own code": (Lying(7), 7),
    "list that has own code": (Endless([1]), [1]),
    "a path of bytes": (PurePosixPath("/\udcff"), "/\ufffd"),
    "moment of a subclass": (Moment(2024, 5, 6, tzinfo=UTC), "2024-05-06T00:00:00+00:00"),
    "time with a zone": (time(1, 2, tzinfo=UTC), "01:02:00+00:00"),
    "part of a memoryview": (memoryview(b"abcd")[::2], "YWM="),
    "values view": ({"a": 1}.values(), [1]),
    "items view": ({"a": 1}.items(), [["a", 1]]),
    "user text": (UserString("ab"), "ab"),
    "user list": (UserList([1]), [1]),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_the_table(row: str) -> None:
    value, expected = ROWS[row]
    found = from_json(to_json(value))
    if row == "mixed set":
        expected = [json.loads(one) for one in expected]
    assert found == expected


@pytest.mark.parametrize(
    "row",
    list(ROWS),
)
def test_the_form_is_the_same_beside_something_that_needs_the_slow_way(row: str) -> None:
    value, _ = ROWS[row]
    alone = from_json(to_json({"value": value}))
    assert from_json(to_json({"value": value, "huge": 2**70})) == {**alone, "huge": str(2**70)}


def test_a_message_is_the_object_of_its_fields() -> None:
    found = from_json(to_json([HumanMessage("hi", id="1"), AIMessage("yo", id="2")]))
    assert [(one["type"], one["content"], one["id"]) for one in found] == [("human", "hi", "1"), ("ai", "yo", "2")]


class FailingModel(BaseModel):
    name: str = "n"

    def model_dump(self, **_: Any) -> Any:
        raise RuntimeError("no")


class FailingText(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


class FailingAsDict(tuple[int]):
    def _asdict(self) -> Any:
        raise RuntimeError("no")


class FailingMapping(UserDict[str, int]):
    def keys(self) -> Any:
        raise RuntimeError("no")

    def __iter__(self) -> Any:
        raise RuntimeError("no")


class FailingClass(type):
    """Without a hash, and more."""

    def __eq__(cls, other: object) -> bool:
        raise RuntimeError

    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError


class FailingProperty(Data):
    @property
    def more(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        raise RuntimeError("no")

    @more.setter
    def more(self, value: Any) -> None: ...


class FailingEverywhere:
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("no")


@dataclasses.dataclass(slots=True)
class Unset:
    more: Any


def _released() -> memoryview:
    view = memoryview(b"a")
    view.release()
    return view


NASTY: dict[str, Callable[[], Any]] = {
    "a lock": threading.Lock,
    "a function": lambda: lambda: None,
    "a generator": lambda: (number for number in range(3)),
    "odd keys": lambda: {Odd(): 1, (1, 2): 2, b"k": 3, frozenset({1}): 4},
    "a huge key": lambda: {2**70: 1},
    "keys that become equal": lambda: {1: "a", "1": "b"},
    "a set of odd things": lambda: {Odd(), Odd()},
    "a date with an odd zone": lambda: datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=31))),
    "a time with a zone": lambda: time(1, 2, tzinfo=UTC),
    "a text with a null": lambda: "a\x00b",
    "nan in a decimal": lambda: Decimal("NaN"),
    "an exception group": lambda: ExceptionGroup("g", [ValueError("a")]),
    "an enum of something odd": lambda: enum.Enum("Strange", {"ONE": Odd()})["ONE"],
    "a slice": lambda: slice(1, 2),
    "a complex number": lambda: 1j,
    "a range": lambda: range(3),
}
RAISING: dict[str, Callable[[], Any]] = {
    "a model that cannot be dumped": FailingModel,
    "an exception without a text": FailingText,
    "a named tuple that fails": lambda: FailingAsDict((1,)),
    "a mapping that fails": lambda: FailingMapping(a=1),
    "a class that fails": lambda: object.__new__(FailingClass("Failing", (), {})),
    "a property that fails": lambda: FailingProperty("d"),
    "attributes that fail": FailingEverywhere,
    "a field that was never set": lambda: object.__new__(Unset),
    "a memoryview that was released": _released,
    "thousands of digits": lambda: 10**5_000,
}


@pytest.mark.parametrize("name", NASTY)
def test_nothing_raises_and_all_is_strict_json(name: str) -> None:
    assert parse(to_json({"value": NASTY[name](), "beside": 1}))["beside"] == 1


@pytest.mark.parametrize("name", RAISING)
def test_a_value_whose_own_code_fails_gets_a_placeholder(name: str) -> None:
    found = json.loads(to_json({"value": RAISING[name](), "beside": 1}))
    assert found["beside"] == 1
    assert "__unserializable__" in found["value"]


def test_a_placeholder_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        to_json({"value": Odd()})
    assert f"{__name__}.Odd" in caplog.text


def test_a_set_is_in_the_same_order_every_time() -> None:
    words = [f"word-{number}" for number in range(50)]
    forms = {to_json(set(random.Random(seed).sample(words, 50))) for seed in range(5)}
    assert len(forms) == 1


def test_the_name_of_a_class() -> None:
    assert qualified_name(int) == "int"
    assert qualified_name(Odd) == f"{__name__}.Odd"
