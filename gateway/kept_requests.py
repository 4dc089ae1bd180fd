"""What runs were asked to be, as the API shows it: that never changes, and lists show it again and again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from ..contracts.recent import RecentMap
from ..contracts.types import RunRecord
from ..facade.runs import RunsFacade
from .replies import encode
from .run_views import asked_to_be

_MOST = 500
"""Of the last, or up to twice as many."""
_LARGEST = 2**13
"""Bytes of one that is kept."""


class KeptRequests:
    """Of one gateway, and of runs whose record the caller was given. (Another run of the same id begins later.)"""

    def __init__(self) -> None:
        self._kept = RecentMap[tuple[str, datetime], Mapping[str, Any]](_MOST)

    async def of(self, runs: RunsFacade, run: RunRecord) -> Mapping[str, Any]:
        """What does not change of the run. Raises `RunNotFoundError`."""
        key = run.run_id, run.created_at
        if (found := self._kept.get(key)) is not None:
            return found
        made = asked_to_be(run, await runs.get_spec(run.run_id))
        kwargs = encode(made["kwargs"])
        if len(kwargs) > _LARGEST:
            return made
        self._kept[key] = kept = {**made, "kwargs": orjson.Fragment(kwargs)}
        return kept
