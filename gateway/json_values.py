"""What JSON may be, as what it is wanted for."""

from __future__ import annotations

from typing import Any, cast


def object_of(value: object) -> dict[str, Any]:
    """An object; what is none is as good as an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def list_of(value: object) -> list[Any]:
    """Likewise a list."""
    return cast("list[Any]", value) if isinstance(value, list | tuple) else []


def number_in(text: str) -> int | None:
    """A whole number, 0 or more, of at most 19 digits; `None`: it is none. (Python reads no number of thousands.)"""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None


def is_object(value: object) -> bool:
    """Whether it is one."""
    return isinstance(value, dict)


def is_list(value: object) -> bool:
    """Likewise."""
    return isinstance(value, list | tuple)
