"""Filters of `Auth` handlers: which metadata a thread has to have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from ..contracts.filters import Condition, Filter
from .errors import refuse

_GROUPS = ("$or", "$and")
_DEEPEST = 2
"""Groups within groups, as LangGraph has it."""


def read_filter(given: object, depth: int = 0) -> Filter:
    """What a handler has returned. Raises 500 for what LangGraph does not define: it would let too much be seen."""
    if not isinstance(given, Mapping):
        raise _wrong(f"{type(given).__name__} is no filter")
    if depth > _DEEPEST:
        raise _wrong(f"groups go {_DEEPEST} deep at most")
    return Filter(all=tuple(_conditions(cast("Mapping[str, Any]", given), depth)))


def _conditions(given: Mapping[str, Any], depth: int) -> Iterator[Condition]:
    for key, wanted in given.items():
        if key in _GROUPS:
            yield Condition(key=key, op="or" if key == "$or" else "and", groups=_groups(key, wanted, depth))
        elif not isinstance(wanted, Mapping):
            yield _equal(key, wanted)
        elif len(cast("Mapping[str, Any]", wanted)) != 1:
            raise _wrong(f"{key}: one operator each")
        else:
            ((operator, value),) = cast("Mapping[str, Any]", wanted).items()
            yield _operation(key, operator, value)


def _groups(key: str, wanted: object, depth: int) -> tuple[Filter, ...]:
    if not isinstance(wanted, list) or len(cast("list[Any]", wanted)) < 2:
        raise _wrong(f"{key}: a list of two filters or more")
    return tuple(read_filter(one, depth + 1) for one in cast("list[Any]", wanted))


def _operation(key: str, operator: str, value: Any) -> Condition:
    if operator == "$eq":
        return _equal(key, value)
    if operator == "$contains":
        values = cast("list[Any]", value) if isinstance(value, list) else [value]
        return Condition(key=key, op="contains", values=tuple(_scalar(key, one) for one in values))
    raise _wrong(f"{key}: the operator {operator!r} is none of $eq, $contains")


def _equal(key: str, value: Any) -> Condition:
    return Condition(key=key, op="eq", values=(_scalar(key, value),))


def _scalar(key: str, value: Any) -> Any:
    if '"' in key or not isinstance(value, str | int | float | bool | None):
        raise _wrong(f"{key}: threads are found by texts, numbers, booleans and nulls")
    return value


def _wrong(why: str) -> Exception:
    return refuse(500, f"an authorization handler has returned a wrong filter: {why}")
