"""Run events of two executions of the same graph, compared."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, cast

from perdure.contracts.events import RunEvent

_IDS = ("call_id", "id", "message_id")


def plain(rows: Iterable[RunEvent]) -> list[str]:
    """What each row says, without what differs from run to run."""
    return [
        json.dumps(
            [row.category, row.event_type, _without_ids(row.content), _without_ids(row.metadata)], sort_keys=True
        )
        for row in rows
    ]


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {name: _without_ids(item) for name, item in fields.items() if name not in _IDS}
    return [_without_ids(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value


def difference(got: Iterable[RunEvent], expected: Iterable[RunEvent]) -> list[str]:
    """Rows that are there too often, or too seldom."""
    have, want = Counter(plain(got)), Counter(plain(expected))
    return [f"+ {row[:300]}" for row in have - want] + [f"- {row[:300]}" for row in want - have]
