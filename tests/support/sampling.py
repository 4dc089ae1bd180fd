"""What is tried at many places: `make test` tries them all, `make check` a sample of them (`pytest --sample`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

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
