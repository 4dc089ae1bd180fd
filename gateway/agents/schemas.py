"""What is known of the keys of a graph's state. A worker is asked, and each call asks again: so it is kept a while."""

from __future__ import annotations

import time
from typing import Any
from weakref import WeakKeyDictionary

from ...contracts.errors import StateUnreadableError
from ...facade.runs import RunsFacade

LIFETIME = 10.0
"""Seconds for which a schema is taken for what it was: so long an old one is told after a deploy."""

_known: WeakKeyDictionary[RunsFacade, dict[str, tuple[float, dict[str, Any]]]] = WeakKeyDictionary()


async def schemas_of(runs: RunsFacade, graph: str) -> dict[str, Any]:
    """None of a graph that nobody serves now: a run of it says why. Raises `UnknownGraphError`."""
    kept = _known.setdefault(runs, {})
    at, found = kept.get(graph, (-LIFETIME, {}))
    if time.monotonic() - at < LIFETIME:
        return found
    try:
        found = await runs.describe_graph(graph, "schemas")
    except StateUnreadableError:
        return {}
    kept[graph] = time.monotonic(), found
    return found


async def properties_of(runs: RunsFacade, graph: str, schema: str) -> dict[str, Any] | None:
    """The keys of one of its schemas; `None`: nobody can say."""
    found = (await schemas_of(runs, graph)).get(schema)
    return None if not found else found.get("properties")
