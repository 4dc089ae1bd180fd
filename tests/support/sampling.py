"""What is tried at many places: `make matrix` tries them all, `make test` a sample of them, `make check` even fewer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeVar

import pytest

T = TypeVar("T")

_ONE_IN = 3
_sampling = False


def begin_sampling() -> None:
    """Before the tests are imported: from now on `some` leaves most out."""
    global _sampling
    _sampling = True


def some(places: Sequence[T]) -> Sequence[T]:
    """All of them, or the first of every three."""
    return places[::_ONE_IN] if _sampling else places


def few_of_each(items: Sequence[pytest.Item], rows: int) -> list[pytest.Item]:
    """The tests, of those that are one function's at most so many, the first and those at equal distances from it."""
    tables: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        tables[item.nodeid.partition("[")[0]].append(item)
    kept = {item for table in tables.values() for item in table[:: -(-len(table) // rows)]}
    return [item for item in items if item in kept]
