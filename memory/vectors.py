"""Distances of vectors in SQL, where Python's SQLite cannot load the extension that LangGraph's store takes them from.

Many Pythons cannot (pyenv's and macOS's). LangGraph uses three functions of sqlite-vec, and none of its tables; here
they are in Python, which compares some thousand vectors a second: enough for what one machine's agents remember.
"""

from __future__ import annotations

import math
import sqlite3
import struct
from collections.abc import Callable
from operator import mul, sub

Vector = tuple[float, ...]
_Distance = Callable[[Vector, Vector], float]


class VectorConnection(sqlite3.Connection):
    """Has the functions of sqlite-vec that are needed, once that is "loaded"."""

    def enable_load_extension(self, enable: bool, /) -> None:
        """Nothing is loaded."""

    def load_extension(self, name: str, /, *, entrypoint: str | None = None) -> None:
        """Make the functions instead."""
        for function, distance in _FUNCTIONS.items():
            self.create_function(function, 2, _on_blobs(distance), deterministic=True)


def connection_class() -> type[sqlite3.Connection]:
    """SQLite's own, where that can load extensions."""
    return sqlite3.Connection if hasattr(sqlite3.Connection, "enable_load_extension") else VectorConnection


def _on_blobs(distance: _Distance) -> Callable[[bytes, bytes], float]:
    def of(one: bytes, other: bytes) -> float:
        if len(one) != len(other):  # the item was put when another model made the vectors
            raise ValueError(f"vectors of {len(one) // 4} and {len(other) // 4} dimensions")
        form = f"{len(one) // 4}f"
        return distance(struct.unpack(form, one), struct.unpack(form, other))

    return of


def _cosine(one: Vector, other: Vector) -> float:
    lengths = math.hypot(*one) * math.hypot(*other)
    return 1 - sum(map(mul, one, other)) / lengths if lengths else 1.0


def _l1(one: Vector, other: Vector) -> float:
    return sum(map(abs, map(sub, one, other)))


_FUNCTIONS: dict[str, _Distance] = {
    "vec_distance_cosine": _cosine,
    "vec_distance_L1": _l1,
    "vec_distance_L2": math.dist,
}
