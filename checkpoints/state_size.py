"""How large the states of a run's graphs may become."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from ..contracts.limit_errors import StateTooLargeError
from ..contracts.serialization.serde import Serializer

_serializer = Serializer()


class StateSize:
    """Of one attempt of a run. A value is measured again only when it has changed: that is one more serialization."""

    def __init__(self, run_id: str, limit: int | None) -> None:
        """`limit`: bytes of one checkpoint's values, as they are stored; `None`: there is none."""
        self._run_id = run_id
        self._limit = limit
        self._sizes: defaultdict[str, dict[str, int]] = defaultdict(dict)
        """By the graph's namespace, and the channel."""

    def check(self, namespace: str, values: Mapping[str, Any], changed: Mapping[str, Any]) -> None:
        """Before a checkpoint is saved. Raises `StateTooLargeError`."""
        if self._limit is None:
            return
        sizes = self._sizes[namespace]
        for channel, value in values.items():
            if channel in changed or channel not in sizes:
                sizes[channel] = len(_serializer.dumps_typed(value)[1])
        total = sum(sizes[channel] for channel in values)
        if total > self._limit:
            largest = max(values, key=lambda channel: sizes[channel])
            raise StateTooLargeError(self._run_id, total, self._limit, largest)
