"""Ids of content blocks. LangChain gives a block that has none a new one whenever it is converted; here it has one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from ..json_values import is_list, is_object, list_of, object_of

_NAMES = uuid.UUID("5c0b6c55-6a55-5b0e-8d0e-0b7f1e0f5a2d")
_INVENTED = "lc_"
"""What LangChain's own ids begin with. Those of a message that was stored with them are kept."""


def with_known_ids(block: dict[str, Any], message: Mapping[str, Any], place: str) -> dict[str, Any]:
    """A block that was made of a message. An id that is not in it follows from `place`, that of the block among all.

    So the same message has the same blocks whenever it is read.
    """
    if next(_invented(block), None) is None:  # as nearly always
        return block
    return object_of(_settled(block, {*_invented(message)}, place))


def _invented(value: Any) -> Iterator[str]:
    if is_list(value):
        for one in list_of(value):
            yield from _invented(one)
    elif is_object(value):
        for name, one in object_of(value).items():
            if name == "id" and isinstance(one, str):
                if one.startswith(_INVENTED):
                    yield one
            else:
                yield from _invented(one)


def _settled(value: Any, known: set[str], place: str) -> Any:
    if is_list(value):
        return [_settled(one, known, f"{place}.{at}") for at, one in enumerate(list_of(value))]
    if not is_object(value):
        return value
    return {name: _field(name, one, known, place) for name, one in object_of(value).items()}


def _field(name: str, value: Any, known: set[str], place: str) -> Any:
    if name == "id" and isinstance(value, str):
        is_new = value.startswith(_INVENTED) and value not in known
        return f"{_INVENTED}{uuid.uuid5(_NAMES, place)}" if is_new else value
    return _settled(value, known, f"{place}.{name}")
