"""Answers in JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from fastapi import Response

from ..contracts.serialization import to_json

JSON = "application/json"


class Json(Response):
    """What is strict JSON, or can be."""

    media_type = JSON

    def render(self, content: Any) -> bytes:
        return encode(content)


def encode(content: Any) -> bytes:
    """Strict JSON. What orjson does not know (a number that is none, say) takes its documented form."""
    try:
        return orjson.dumps(content)
    except TypeError:
        return to_json(content)


def moment(at: datetime | None) -> str | None:
    """ISO 8601 with microseconds and the zone."""
    return None if at is None else at.isoformat(timespec="microseconds")


def page(rows: Sequence[Any], *, total: int, offset: int) -> Json:
    """A page of a search: the total, and where the next one begins if there is one."""
    headers = {"X-Pagination-Total": str(total)}
    if offset + len(rows) < total and rows:
        headers["X-Pagination-Next"] = str(offset + len(rows))
    return Json(rows, headers=headers)


def selected(row: Mapping[str, Any], names: Sequence[str] | None) -> Mapping[str, Any]:
    """Only these fields of it, if any are named."""
    return row if not names else {name: row[name] for name in names if name in row}
