"""What a person has typed as the answer to a question."""

from __future__ import annotations

from typing import Any

import orjson


def read_answer(typed: Any) -> Any:
    """What is JSON is taken for it: a graph that waits for a decision, a number or a list gets one. Else it is text."""
    if not isinstance(typed, str):
        return typed
    try:
        return orjson.loads(typed)
    except orjson.JSONDecodeError:
        return typed
