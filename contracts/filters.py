"""A condition on metadata, as an authorization handler states it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast


@dataclass(frozen=True, slots=True)
class Condition:
    """One of them."""

    key: str
    """At the top of the metadata."""
    op: Literal["eq", "contains", "or", "and"]
    """`contains`: it is a list that has each of the values."""
    values: tuple[str | int | float | bool | None, ...] = ()
    groups: tuple[Filter, ...] = ()

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """Whether this metadata is so."""
        if self.op in ("or", "and"):
            return (any if self.op == "or" else all)(group.matches(metadata) for group in self.groups)
        if self.key not in metadata:
            return False
        found = metadata[self.key]
        if self.op == "eq":
            return _same(found, self.values[0])
        there = cast("list[Any]", found) if isinstance(found, list) else []
        return isinstance(found, list) and all(any(_same(one, value) for one in there) for value in self.values)


@dataclass(frozen=True, slots=True)
class Filter:
    """All of these; none are true of everything."""

    all: tuple[Condition, ...] = ()

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """Whether this metadata is so."""
        return all(condition.matches(metadata) for condition in self.all)


def _same(found: object, wanted: object) -> bool:
    """As JSON has it: `1` is not `true`."""
    return isinstance(found, bool) is isinstance(wanted, bool) and found == wanted
