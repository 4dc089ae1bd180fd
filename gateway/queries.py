"""Lists in a query: repeated, as Python's client writes them, or as JSON, as JavaScript's does."""

from __future__ import annotations

from typing import Any, cast, get_args

import orjson
from fastapi import Request

from .errors import refuse
from .run_bodies import ApiMode

_MODES: tuple[str, ...] = get_args(ApiMode)


def words_in_query(request: Request, name: str) -> list[str]:
    """All of them, in order. Raises 422."""
    return [word for given in request.query_params.getlist(name) for word in _words(given, name)]


def _words(given: str, name: str) -> list[str]:
    if not given.startswith("["):
        return [word for word in given.split(",") if word]
    try:
        found: Any = orjson.loads(given)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, list) or not all(isinstance(word, str) for word in cast("list[Any]", found)):
        raise refuse(422, f"{name}: a list of texts")
    return cast("list[str]", found)


def modes_in_query(request: Request) -> list[str]:
    """The stream modes that are asked for; none: those of the run. Raises 422 for one that there is not."""
    modes = words_in_query(request, "stream_mode")
    if unknown := [mode for mode in modes if mode not in _MODES]:
        raise refuse(422, f"stream_mode: {unknown[0]!r} is none of {', '.join(_MODES)}")
    return modes
