"""A question of a graph, for a person to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ...contracts.types import RunInterrupt
from ..replies import encode

_SPOKEN = ("question", "message", "description", "prompt")
"""Keys by which graphs call what they ask."""


def question_text(asked: RunInterrupt) -> str:
    """Its words, where it has some; else all of it as JSON."""
    if isinstance(asked.value, str):
        return asked.value
    found = cast("Mapping[str, Any]", asked.value) if isinstance(asked.value, Mapping) else dict[str, Any]()
    said = next((found[key] for key in _SPOKEN if isinstance(found.get(key), str)), None)
    return encode(asked.value).decode() if said is None else str(said)
