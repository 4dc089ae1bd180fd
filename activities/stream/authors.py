"""Which nodes have written what, as the stream tells of them: an error of a save can say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ...contracts.recent import RecentMap
from .outgoing import Namespace


class Authors:
    """Of one attempt at a run."""

    def __init__(self) -> None:
        self._tasks = RecentMap[str, str]()
        self._channels = RecentMap[tuple[Namespace, str], dict[str, None]]()

    def feed(self, ns: Namespace, chunk: Mapping[str, Any]) -> None:
        """A task begins, or has ended."""
        name = str(chunk["name"])
        self._tasks[str(chunk["id"])] = name
        result: object = chunk.get("result")
        for channel in cast("Mapping[str, Any]", result) if isinstance(result, dict) else ():
            self._channels[ns, channel] = {**(self._channels.get((ns, channel)) or {}), name: None}

    def of(self, ns: Namespace, channel: str, task_id: str | None) -> list[str]:
        """The node of a task; without one those that have written the channel."""
        if task_id is not None:
            name = self._tasks.get(task_id)
            return [] if name is None else [name]
        return list(self._channels.get((ns, channel)) or ())
