"""The long way to JSON: what a value holds is looked at piece by piece, and each gets its form.

Nothing here is without bound. Plain data costs what there is of it. What little data can unfold to is limited to
`MOST_BYTES`: parts that are there several times (`a = [a, a]`, sixty times over), and objects, whose code may make
ever new ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson

from .json_forms import Form, Unordered, form_of, qualified_name
from .json_plain import encode_plain, is_flat, type_of
from .text import valid_text

MOST_BYTES = 16_000_000
"""What a value may come to beyond what is in memory."""
MAX_DEPTH = 120
"""Levels of nesting. Parsers have limits, too: with what stands around it, this is below the 128 of Rust's serde."""
UNSERIALIZABLE = "__unserializable__"

_MOST_AT_ONCE = 64_000_000
"""Bytes that are encoded the short way, piece by piece. Not more: parts may be in several pieces, unseen there."""
_LOOK = 10
"""Bytes that the look at a value counts as there."""
_PER_ITEM = 4
"""Bytes of an item that is no text, and what stands around it, about."""
_UNDER_WAY = object()
_SEEN = orjson.Fragment(b"0")
_TEXT = frozenset({str})


class Encoder:
    """Encodes one value, which is not plain throughout."""

    def __init__(self, value: object) -> None:
        self._value = value
        self.missing = Counter[str]()
        """Types of what a placeholder stands for, and how often."""
        self._known: dict[int, tuple[object, Any, int, int]] = {}
        """Parts by their id: the part (which keeps its id its own), what it has become, its size, its depth."""
        self._size = 0
        """Bytes so far, about. What is there several times counts each time."""
        self._left = MOST_BYTES
        self._left_at_once = _MOST_AT_ONCE
        self._insides: dict[type[Any], Callable[[Any, int], Any]] = {
            dict: self._fields,
            list: self._items,
            Unordered: self._members,
        }

    def encode(self) -> bytes:
        """The value as strict JSON."""
        return orjson.dumps(self._plain(self._value, 0))

    def placeholder(self, kind: type[Any]) -> dict[str, str]:
        """What stands for a value of the type without a form."""
        try:
            name = valid_text(qualified_name(kind))
        except Exception:  # noqa: BLE001 - a metaclass may raise anything
            name = "?"
        self.missing[name] += 1
        return {UNSERIALIZABLE: name}

    def _plain(self, value: Any, depth: int) -> Any:
        """JSON's own types, and parts that are encoded already."""
        kind = type_of(value)
        try:
            if kind is str:
                self._size += len(value)
                return valid_text(value)
            if kind is int:
                return _number(value)
            if value is None or kind is bool or kind is float:
                return value
            form = form_of(kind)
            if form is None:
                return self.placeholder(kind)
            if form.scalar:
                return self._plain(form.show(value), depth)
            known = self._known.get(id(value))
            if known is not None and self._again(*known[1:], depth):
                return known[1]
            return self._part(value, form, depth)
        except Exception:  # noqa: BLE001 - the value's own code failed, in whatever way, or it is too much
            return self.placeholder(kind)

    def _again(self, plain: object, size: int, known_depth: int, depth: int) -> bool:
        """Whether what a part has become can be there again. Raises `OverflowError` if it must not be."""
        if plain is _UNDER_WAY:
            raise OverflowError("it contains itself")
        self._spend(size)
        if depth > known_depth:  # what was not too deep there may be here
            return False
        self._size += size
        return True

    def _spend(self, size: int) -> None:
        if size > self._left:
            raise OverflowError("it unfolds to too much")
        self._left -= size

    def _part(self, value: Any, form: Form, depth: int) -> Any:
        if depth >= MAX_DEPTH:
            raise OverflowError(f"more than {MAX_DEPTH} levels")
        before = self._size
        self._known[id(value)] = (value, _UNDER_WAY, 0, depth)
        plain = self._at_once(value, depth)
        if plain is None:
            shown: Any = self._shown(value, form)
            plain = self._insides.get(type_of(shown), self._plain)(shown, depth + 1)
        self._known[id(value)] = (value, plain, self._size - before, depth)
        return plain

    def _at_once(self, value: object, depth: int) -> orjson.Fragment | None:
        if value is self._value or (self._left_at_once < 0 and not is_flat(value)):
            return None
        data, values = encode_plain(value, levels=MAX_DEPTH - depth)
        self._left_at_once -= len(data or b"") + _LOOK * values
        if data is None:
            return None
        self._size += len(data)
        return orjson.Fragment(_trimmed(data))

    def _shown(self, value: Any, form: Form) -> object:
        self._spend(form.cost)
        if form.goes_through is not None:
            self._left = _Measure(form.goes_through(value), self._left).left_after()
        return form.show(value)

    def _fields(self, fields: dict[object, object], depth: int) -> dict[str, object]:
        self._size += _PER_ITEM * len(fields)
        names = self._names(fields, depth)
        return {name: self._plain(value, depth) for name, value in zip(names, fields.values(), strict=True)}

    def _names(self, fields: dict[Any, object], depth: int) -> list[str]:
        keys = list(fields)
        if _TEXT.issuperset(map(type, keys)) and (joined := "".join(keys)).isascii():
            self._size += len(joined)
            return keys
        names = [self._key(key, depth) for key in keys]
        return names if len({*names}) == len(names) else _apart(keys, names)

    def _key(self, key: object, depth: int) -> str:
        plain = self._plain(key, depth)
        return plain if isinstance(plain, str) else orjson.dumps(plain).decode()

    def _items(self, items: list[object], depth: int) -> list[object]:
        self._size += _PER_ITEM * len(items)
        return [self._plain(item, depth) for item in items]

    def _members(self, members: Unordered, depth: int) -> list[object]:
        return sorted(self._items(members, depth), key=_sorting_key)


class _Measure(Encoder):
    """Sees what a value unfolds to before code is asked to go through all of it, which cannot be stopped then."""

    def __init__(self, value: object, left: int) -> None:
        super().__init__(value)
        self._left = left
        self._fits = True

    def left_after(self) -> int:
        """What would be left after the value. Raises `OverflowError` if there is not enough for it."""
        self._plain(self._value, 0)
        if not self._fits:
            raise OverflowError("it unfolds to too much")
        return self._left

    def _spend(self, size: int) -> None:
        self._fits = self._fits and size <= self._left
        super()._spend(size)

    def _at_once(self, value: object, depth: int) -> orjson.Fragment | None:
        if not is_flat(value):
            return None
        self._size += sum(len(item) if type(item) is str else _PER_ITEM for item in value)
        return _SEEN

    def _shown(self, value: Any, form: Form) -> object:
        self._spend(form.cost)
        return (form.goes_through or form.show)(value)


def _apart(keys: list[object], names: list[str]) -> list[str]:
    """Different names for different keys: a text keeps its own, another key of the same name says its type."""
    own = {name for key, name in zip(keys, names, strict=True) if type(key) is str}
    taken, again = set[str](), Counter[str]()
    for position, (key, name) in enumerate(zip(keys, names, strict=True)):
        longer = f"{name} ({qualified_name(type(key))})"
        while name in taken or (name in own and type(key) is not str):
            again[longer] += 1
            name = longer if again[longer] == 1 else f"{longer} {again[longer]}"
        taken.add(name)
        names[position] = name
    return names


def _trimmed(data: bytes) -> bytes:
    return memoryview(data).tobytes()  # what orjson returns takes a kilobyte at least


def _sorting_key(plain: object) -> bytes:
    return _trimmed(orjson.dumps(plain))


def _number(value: int) -> int | str:
    """Beyond 64 bits, where parsers round or fail, the digits as a text. Raises `ValueError` for very many digits."""
    return value if -(2**63) <= value < 2**64 else str(value)
