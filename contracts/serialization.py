"""How Python values become the strict JSON of events, values and records.

What becomes of a value in `to_json`:

| value | JSON |
|---|---|
| `None`, `bool`, `str`, `int` (64 bits), `float`, `list`, `tuple`, `dict` | itself; keys become strings |
| `NaN`, `Infinity` | `null` |
| larger `int` | a decimal string |
| `datetime`, `date`, `time`, `UUID`, `Enum` | ISO 8601; the UUID's text; the enum's value |
| LangChain message, pydantic model | the object of its fields (`model_dump`) |
| dataclass, named tuple | the object of its fields |
| `bytes` | base64 text |
| `set`, `frozenset`, other iterables of collections | a list; sets sorted by their JSON |
| exception | `{"type": …, "message": …}` |
| anything else, and what contains itself | `{"__unserializable__": "module.Class"}`, with a warning in the log |
"""

from __future__ import annotations

import base64
import dataclasses
import logging
from collections import deque
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, cast
from uuid import UUID

import orjson
from pydantic import BaseModel

logger = logging.getLogger(__name__)

_OPTIONS = orjson.OPT_NON_STR_KEYS
_MAX_DEPTH = 200
_INT64 = 2**63


def to_json(value: object) -> bytes:
    """Strict JSON of any value (the module's table). Never raises."""
    try:
        return orjson.dumps(value, default=_default, option=_OPTIONS)
    except Exception:  # noqa: BLE001 - the values run code of their own, which may raise anything
        # Something in it has no JSON form (a huge int, a lone surrogate, a cycle): go through it piece by piece.
        return orjson.dumps(_plain(value, ()), option=_OPTIONS)


def from_json(data: bytes | str) -> Any:
    """Parse what `to_json` wrote."""
    return orjson.loads(data)


def _model_fields(value: BaseModel) -> Any:
    return value.model_dump()


def _named_fields(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value._asdict())


def _exception(value: BaseException) -> dict[str, str]:
    return {"type": qualified_name(type(value)), "message": str(value)}


def _base64(value: bytes | bytearray | memoryview) -> str:
    return base64.b64encode(value).decode("ascii")


def _sorted_set(value: AbstractSet[object]) -> list[Any]:
    return sorted(value, key=to_json)


_FORMS: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (BaseModel, _model_fields),
    ((bytes, bytearray, memoryview), _base64),
    (AbstractSet, _sorted_set),
    (BaseException, _exception),
    (Mapping, dict),
    (deque, list),
    ((Decimal, PurePath), str),
    (timedelta, timedelta.total_seconds),
    (type, lambda value: qualified_name(value)),
)


def _default(value: Any) -> Any:
    """The JSON form of what orjson does not know."""
    if isinstance(value, tuple):  # orjson leaves subclasses to us
        items = cast("tuple[Any, ...]", value)
        return _named_fields(items) if hasattr(items, "_asdict") else list(items)
    for kinds, form in _FORMS:
        if isinstance(value, kinds):
            return form(value)
    return _placeholder(value)


def _placeholder(value: object) -> dict[str, str]:
    name = qualified_name(type(value))
    logger.warning("a value of type %s has no JSON form; a placeholder stands in its place", name)
    return {"__unserializable__": name}


def _plain(value: Any, above: tuple[int, ...]) -> Any:
    """`value` as JSON types only; `above` holds the ids of what contains it."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, Enum):
        return _plain(value.value, above)
    if isinstance(value, int):
        return int(value) if -_INT64 <= value < 2 * _INT64 else str(int(value))
    if isinstance(value, str):
        return str(value).encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if id(value) in above or len(above) >= _MAX_DEPTH:
        return _placeholder(value)
    try:
        return _plain_container(value, (*above, id(value)))
    except Exception:  # noqa: BLE001 - the value's own `items`, `model_dump` or `__str__` failed, in whatever way
        return _placeholder(value)


def _plain_container(value: Any, above: tuple[int, ...]) -> Any:
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {_key(key): _plain(item, above) for key, item in items}
    if isinstance(value, list) or type(value) is tuple:
        return [_plain(item, above) for item in cast("list[object]", value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name), above) for f in dataclasses.fields(value)}
    return _plain(_default(value), above)


def _key(key: object) -> str:
    if key is None or isinstance(key, bool):  # as orjson writes them
        return {None: "null", True: "true", False: "false"}[key]
    plain = _plain(key, ()) if isinstance(key, str | int | float | Enum | UUID | datetime | date) else str(key)
    return plain if isinstance(plain, str) else str(plain)


def qualified_name(kind: type) -> str:
    """`module.Class`, or the bare name of a built-in."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
