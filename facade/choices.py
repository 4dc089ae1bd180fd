"""What a caller chooses by name."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from ..contracts.errors import InvalidRunError, nearest

E = TypeVar("E", bound=StrEnum)


def chosen(kind: type[E], name: str, what: str, *, field: str | None = None) -> E:
    """The member of this name. Raises `InvalidRunError`, with those that there are; `what`: a member, in words."""
    try:
        return kind(name)
    except ValueError:
        told = f"unknown {what} {name!r}{nearest(str(name), kind)}; allowed: {', '.join(kind)}"
        raise InvalidRunError(told, field=field) from None
