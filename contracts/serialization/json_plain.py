"""The short way to JSON: for plain data, and models and dataclasses that are, which is what most events hold.

orjson gets JSON's own types only, and the `__dict__` of objects. It crashes the process (tried with 3.13) when a list
or dict changes that it is in the middle of, so nothing may run meanwhile that could change one: no code of a value, and
no Python code at all, since that is where Python switches to another thread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from operator import attrgetter
from typing import Any, TypeGuard

import orjson

from .json_forms import form_of

_FEW = 10_000
"""Values that are encoded together although some parts may be there several times."""

_MOST = 10_000_000
"""Values that are looked at: the list of those of one level is held in memory."""
_SIMPLE = frozenset({str, int, float, bool, type(None)})
_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS

type_of: Callable[[object], type[Any]] = type
_fields: Callable[[object], object] = attrgetter("__dict__")
"""Compiled, see above."""


def encode_plain(value: object, *, levels: int) -> tuple[bytes | None, int]:
    """`value` as JSON, and how many values were looked at. None if not all in it is plain.

    None also for more than `levels` of nesting, and for more than `_FEW` values if some parts are there several times:
    these may unfold to no end (`a = [a, a]`, sixty times over).
    """
    size = 0
    try:
        plain, size = (True, len(value)) if is_flat(value) else _measure(value, levels)
        return orjson.dumps(value, default=_fields, option=_OPTIONS) if plain else None, size
    except Exception:  # noqa: BLE001 - a key, text or number that JSON cannot hold; or a class that raises
        return None, size


def is_flat(value: Any) -> TypeGuard[Sequence[object]]:
    """Whether it is a list or tuple of texts, numbers and the like."""
    kind = type_of(value)
    return (kind is list or kind is tuple) and _SIMPLE.issuperset(map(type, value))


def _measure(value: object, levels: int) -> tuple[bool, int]:
    """Whether all in `value` is plain, and its size as far as it was looked at."""
    seen: set[int] = set()
    size = 0
    level: list[Any] = [value]
    while level:
        if levels == 0 or (size > _FEW and not _all_new(level, seen)):
            return False, size
        levels -= 1
        below: list[Any] = []
        for part in level:
            # Here and not in a function: it is most of the work of most events.
            kind = type_of(part)
            if kind is dict:
                items = part.values()
            elif kind is list or kind is tuple:
                items = part
            else:
                items = _field_values(part, kind)
            if items is None or size + len(items) > _MOST:
                return False, size
            size += len(items)
            for item in items:
                if type(item) not in _SIMPLE:
                    below.append(item)
        level = below
    return True, size


def _all_new(level: list[Any], seen: set[int]) -> bool:
    known = len(seen)
    seen.update(map(id, level))
    return len(seen) == known + len(level)


def _field_values(value: Any, kind: type[Any]) -> Collection[object] | None:
    form = form_of(kind)
    if form is None or form.names is None or value.__dict__.keys() != form.names:
        return None
    return None if form.extra and value.__pydantic_extra__ else value.__dict__.values()
