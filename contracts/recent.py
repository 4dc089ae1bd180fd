"""What came last, as a set and as a map: for what would otherwise grow for as long as a run lasts."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)
V = TypeVar("V")

LAST = 10_000
"""More than what is under way in a run at a time. To forget more costs time at most: something is done or told again,
and found to be there."""


class Recent(Generic[T]):
    """Keeps `limit` of the last that were added, or up to twice as many."""

    def __init__(self, limit: int = LAST) -> None:
        self._limit = limit
        self._new: set[T] = set()
        self._old: set[T] = set()

    def add(self, one: T) -> None:
        self._new.add(one)
        if len(self._new) >= self._limit:
            self._old, self._new = self._new, set()

    def __contains__(self, one: object) -> bool:
        return one in self._new or one in self._old


class RecentMap(Generic[T, V]):
    """Keeps the values of `limit` of the keys that were set last, or of up to twice as many."""

    def __init__(self, limit: int = LAST) -> None:
        self._limit = limit
        self._new: dict[T, V] = {}
        self._old: dict[T, V] = {}

    def __setitem__(self, key: T, value: V) -> None:
        self._new[key] = value
        if len(self._new) >= self._limit:
            self._old, self._new = self._new, {}

    def get(self, key: T) -> V | None:
        return self._new[key] if key in self._new else self._old.get(key)
