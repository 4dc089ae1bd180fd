"""Which nodes have written what, as the stream tells of them: an error of a save can say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from .outgoing import Namespace

_MOST = 10_000
"""Tasks whose names are kept, and channels."""


class Authors:
    """Of one attempt at a run."""

    def __init__(self) -> None:
        self._tasks: dict[str, str] = {}
        self._channels: dict[tuple[Namespace, str], dict[str, None]] = {}

    def feed(self, ns: Namespace, chunk: Mapping[str, Any]) -> None:
        """A task begins, or has ended."""
        name = str(chunk["name"])
        _add(self._tasks, str(chunk["id"]), name)
        result: object = chunk.get("result")
        for channel in cast("Mapping[str, Any]", result) if isinstance(result, dict) else ():
            _add(self._channels, (ns, channel), {**self._channels.get((ns, channel), {}), name: None})

    def of(self, ns: Namespace, channel: str, task_id: str | None) -> list[str]:
        """The node of a task; without one those that have written the channel."""
        if task_id is not None:
            return [self._tasks[task_id]] if task_id in self._tasks else []
        return list(self._channels.get((ns, channel), {}))


def _add(kept: dict[Any, Any], key: object, value: object) -> None:
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > _MOST:
        del kept[next(iter(kept))]
