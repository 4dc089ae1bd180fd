"""What stands for a value of each Python type in JSON, one level deep: `json_encoder.py` goes on with what is in it.

The table is in `docs/serialization.md`. A form is chosen by the type alone, about which a value cannot lie.
"""

from __future__ import annotations

import base64
import dataclasses
import re
from array import array
from collections import UserString, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import chain, islice
from pathlib import PurePath
from typing import Any, cast
from uuid import UUID

from pydantic import BaseModel, Secret, SecretBytes, SecretStr

from ..auth_user import AuthUser

_MOST_ITEMS = 1_000_000
"""Of a collection that is made by code, and may have no end."""
_OBJECT = 16
_CODE = 160
"""Costs of an object, and of one that runs code of its own for its form. (100,000 of these take about a second.)"""


class Unordered(list[object]):
    """The members of a set, which are to be sorted once they are JSON."""


@dataclasses.dataclass(frozen=True, slots=True)
class Form:
    """How the values of a type are shown."""

    show: Callable[[Any], object]
    scalar: bool = False
    """As a text or a number, else as something with other values in it."""
    cost: int = 0
    """Bytes that it counts as, of those that a value may come to beyond what is there: code may make ever new ones."""
    names: Collection[str] | None = None
    """If the value's `__dict__` has these keys, it is the form."""
    extra: bool = False
    """Except of a model that has extra fields."""
    goes_through: Callable[[Any], object] | None = None
    """Where it begins, if `show` goes through all that is in a value by itself, however much that unfolds to."""


@lru_cache(maxsize=2048)
def form_of(kind: type[Any]) -> Form | None:
    """How a value of this type is shown; `None` for a type that has no JSON form."""
    if issubclass(kind, Enum):
        return Form(lambda value: value.value, cost=_CODE)
    if text := _first(_SCALARS, kind):
        return Form(text, scalar=True)
    if issubclass(kind, BaseException):
        return Form(_exception, cost=_CODE, goes_through=lambda error: error.args)
    if issubclass(kind, BaseModel):
        return _model_form(kind)
    if dataclasses.is_dataclass(kind):
        return _dataclass_form(kind)
    if hasattr(kind, "_asdict") and tuple in kind.__mro__:
        return _named_tuple_form(kind)
    if items := _first(_COLLECTIONS, kind):
        return Form(items)
    if items := _first(_VIRTUAL, kind):
        return Form(items, cost=_CODE)
    names = {qualified_name(base) for base in kind.__mro__}
    return next((form for name, form in _FOREIGN.items() if name in names), None)


def qualified_name(kind: type[Any]) -> str:
    """`module.Class`, or the bare name of a built-in."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _exception(error: BaseException) -> dict[str, str]:
    return {"type": qualified_name(type(error)), "message": str(error)}


def _model_form(kind: type[BaseModel]) -> Form:
    """The model's fields as they are, unless its class has a say in how they are shown."""
    schema: object = getattr(kind, "__pydantic_core_schema__", None)  # a stand-in, as long as it is not built
    own_code = kind.model_dump is not BaseModel.model_dump or kind.__getattribute__ is not object.__getattribute__
    if own_code or not isinstance(schema, dict) or _customised(cast("object", schema)):
        return Form(lambda model: model.model_dump(), cost=_CODE, goes_through=_all_fields)
    names = kind.model_fields.keys()

    def fields(model: BaseModel) -> dict[str, object]:
        # `__dict__` may lack fields, and has what a `cached_property` remembers, too.
        found = {name: value for name, value in vars(model).copy().items() if name in names}
        return found | (model.__pydantic_extra__ or {})

    return Form(fields, names=names, extra=kind.model_config.get("extra") == "allow")


_CUSTOM = ("serialization", "serialization_exclude", "serialization_exclude_if", "computed_fields", "root_model")


def _customised(schema: object) -> bool:
    """Whether something in a pydantic core schema makes `model_dump` differ from the fields."""
    if isinstance(schema, dict):
        found = cast("dict[str, object]", schema)
        parts = [value for name, value in found.items() if name not in ("default", "metadata")]
        return any(found.get(name) for name in _CUSTOM) or any(map(_customised, parts))
    return isinstance(schema, list | tuple) and any(map(_customised, cast("Iterable[object]", schema)))


def _all_fields(model: BaseModel) -> object:
    return vars(model), model.model_extra


def _dataclass_form(kind: type[Any]) -> Form:
    # A leading underscore says "private", as in pydantic, where such attributes are no fields.
    names = [field.name for field in dataclasses.fields(kind) if not field.name.startswith("_")]
    usual = kind.__dictoffset__ and kind.__getattribute__ is object.__getattribute__
    return Form(
        lambda value: {name: getattr(value, name) for name in names},
        cost=_OBJECT,
        names=dict.fromkeys(names).keys() if usual else None,
    )


def _named_tuple_form(kind: type[Any]) -> Form:
    names: tuple[str, ...] | None = getattr(kind, "_fields", None)
    if not isinstance(names, tuple):  # it only looks like one
        return Form(lambda value: value._asdict(), cost=_CODE)
    return Form(lambda value: dict(zip(names, _raw(tuple, value), strict=True)))


def _slots(value: object) -> dict[str, object]:
    names = chain.from_iterable(getattr(base, "__slots__", ()) for base in reversed(type(value).__mro__))
    return {name: getattr(value, name) for name in names}


def _base64(value: bytes | bytearray | memoryview) -> str:
    return base64.b64encode(memoryview(value).tobytes()).decode("ascii")


def _range(value: range) -> dict[str, int]:
    return {"start": value.start, "stop": value.stop, "step": value.step}


def _raw(base: type[Any], value: object) -> Iterator[object]:
    """What is in a built-in collection, whatever code a subclass puts around it."""
    return base.__iter__(value)


def _few(items: Iterable[Any]) -> list[Any]:
    found = list(islice(items, _MOST_ITEMS + 1))
    if len(found) > _MOST_ITEMS:
        raise OverflowError(f"more than {_MOST_ITEMS} items")
    return found


_Show = Callable[[Any], object]
_Table = tuple[tuple[type[Any] | tuple[type[Any], ...], _Show], ...]


def _first(table: _Table, kind: type[Any]) -> _Show | None:
    return next((show for kinds, show in table if issubclass(kind, kinds)), None)


_SCALARS: _Table = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    ((datetime, date, time), lambda value: value.isoformat()),
    (timedelta, timedelta.total_seconds),
    ((UUID, Decimal, Fraction, complex, PurePath, UserString, tzinfo), str),
    ((IPv4Address, IPv4Network, IPv6Address, IPv6Network), str),
    ((Secret, SecretStr, SecretBytes), str),  # asterisks
    (AuthUser, lambda user: user.identity),
    (re.Pattern, lambda value: str(value.pattern)),
    ((bytes, bytearray, memoryview), _base64),
    (type, qualified_name),
)
_COLLECTIONS: _Table = (
    (dict, dict[Any, Any].copy),
    (list, list[Any].copy),
    (tuple, lambda value: list(_raw(tuple, value))),
    (set, lambda value: Unordered(_raw(set, value))),
    (frozenset, lambda value: Unordered(_raw(frozenset, value))),
    (deque, lambda value: list(_raw(deque, value))),
    (array, lambda value: value.tolist()),
    (range, _range),
)
_VIRTUAL: _Table = (
    (Mapping, lambda value: dict(_few(value.items()))),
    (AbstractSet, lambda value: Unordered(_few(value))),
    ((Sequence, ValuesView), _few),
)
_FOREIGN = {
    "langgraph.types.Send": Form(_slots, cost=_OBJECT),
    "langgraph.store.base.Item": Form(_slots, cost=_OBJECT),
    "numpy.ndarray": Form(lambda value: value.tolist(), cost=_OBJECT),
    "numpy.generic": Form(lambda value: value.tolist(), cost=_OBJECT),
    "pydantic.networks.AnyUrl": Form(str, scalar=True),
    "pydantic.v1.main.BaseModel": Form(lambda model: model.dict(), cost=_CODE, goes_through=vars),
}
"""By name, so that nothing is imported for them."""
