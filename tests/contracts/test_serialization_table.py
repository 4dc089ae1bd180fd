"""What `docs/serialization.md` says of each type is so."""

from __future__ import annotations

import dataclasses
import enum
import json
import re
from array import array
from collections import Counter, UserDict, deque
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from ipaddress import IPv4Address
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypedDict
from uuid import UUID

import pytest
from langchain_core.messages import HumanMessage
from langgraph.store.base import Item
from langgraph.types import Command, Interrupt, Overwrite, PregelTask, Send
from pydantic import AnyUrl, BaseModel, SecretStr

from perdure.contracts.auth_user import AuthUser
from perdure.contracts.serialization.serializer import to_json

from .strict_json import parse

_DOCUMENT = Path(__file__).parents[2] / "docs" / "serialization.md"
_ROW = re.compile(r"^\| [^|]*\| `(?P<python>[^`]+)`[^|]* \| `(?P<json>[^`]+)` \|$", re.MULTILINE)
_EXAMPLE = re.compile(r"`(?P<python>\{[^`]+\})` is `(?P<json>\{[^`]+\})`")


class Model(BaseModel):
    name: str
    inner: Model | None = None


@dataclasses.dataclass
class Data:
    x: int
    more: Any


class Point(NamedTuple):
    x: int
    y: int


class Typed(TypedDict):
    name: str


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


NAMES: dict[str, Any] = {
    **{kind.__name__: kind for kind in (Model, Data, Point, Typed, Colour, Level, Decimal, Fraction, UUID, Counter)},
    **{kind.__name__: kind for kind in (Command, Interrupt, Overwrite, PregelTask, Send, Item, HumanMessage)},
    **{kind.__name__: kind for kind in (AnyUrl, AuthUser, SecretStr, IPv4Address, PurePosixPath, UserDict)},
    "array": array,
    "deque": deque,
    "re": re,
    "timedelta": timedelta,
    "timezone": timezone,
    "NOON": datetime(2024, 5, 6, 12, tzinfo=UTC),
}
EXAMPLES = {
    found["python"]: found["json"]
    for pattern in (_ROW, _EXAMPLE)
    for found in pattern.finditer(_DOCUMENT.read_text("utf-8"))
}


def test_every_row_has_an_example() -> None:
    rows = [line for line in _DOCUMENT.read_text("utf-8").partition("## Forms")[2].splitlines() if line.startswith("|")]
    forms = [line for line in rows[2:] if _ROW.match(line)]
    assert len(forms) == rows.index("| what | limit | beyond it |") - 2
    assert len(EXAMPLES) > len(forms)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_document_is_so(example: str) -> None:
    assert parse(to_json(eval(example, NAMES))) == json.loads(EXAMPLES[example])
