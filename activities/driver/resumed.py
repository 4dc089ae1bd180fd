"""What a graph sees that is picked up where an earlier attempt left it. LangGraph asks its saver for it just before.

LangGraph (1.2) mistakes two things there, which are put right in the config that it asks with, and then goes on with:

* `resuming` is handed down to every nested graph of the superstep. One with a history of its own (`checkpointer=True`)
  that was *not* at work in it takes its last state for what it has to go on from, and drops its input. Only one whose
  newest checkpoint was saved within this very superstep was cut.
* `recursion_limit` begins anew for each graph that is picked up. It counts on: LangGraph adds the limit to the number
  of the step at which it begins (`counted`).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple

from ...checkpoints.addresses import checkpoint_namespace
from ...contracts.closing import closing
from ...contracts.langgraph_names import RESUMING

_MAP = "checkpoint_map"
"""LangGraph's key of a nested graph's config for the checkpoints of the graphs around it."""
_LIMIT = "recursion_limit"


@cache
def _counting(kind: type[int]) -> type[Any]:
    """Of the same kind as the limit: LangGraph tells its default by its type, and gives way to a nested graph's own."""

    class CountedLimit(kind):
        """A recursion limit of which `spent` steps are used up, for the first graph that counts with it.

        To all others it is the plain limit: graphs within inherit the config, and count for themselves.
        """

        spent = 0

        def __radd__(self, step: int) -> int:
            spent, self.spent = self.spent, 0
            return step + int(self) - spent

    return CountedLimit


def counted(limit: int, spent: int) -> int:
    """The limit, for a graph that has used up some of it."""
    found = _counting(type(limit))(limit)
    found.spent = spent
    return found


class PickedUp:
    """Called with each config and checkpoint of a graph that begins or is picked up. `spent`: the root's steps."""

    def __init__(self, saver: BaseCheckpointSaver[Any], spent: int) -> None:
        self._saver = saver
        self._spent = spent

    async def __call__(self, config: RunnableConfig, found: CheckpointTuple) -> None:
        if _LIMIT not in config:
            return  # somebody only looks
        if not checkpoint_namespace(config):
            config[_LIMIT] = counted(config[_LIMIT], self._spent)
        elif (place := config.get("configurable", {})).get(RESUMING):
            if found.metadata.get("parents") == place.get(_MAP, {}):
                config[_LIMIT] = counted(config[_LIMIT], await self._steps_of(found))
            else:
                place[RESUMING] = False

    async def _steps_of(self, found: CheckpointTuple) -> int:
        """Since the graph was given its input."""
        place = {key: value for key, value in found.config.get("configurable", {}).items() if key != "checkpoint_id"}
        async with closing(self._saver.alist({"configurable": place}, filter={"source": "input"}, limit=1)) as given:
            async for one in given:
                return found.metadata.get("step", 0) - (one.metadata.get("step", 0) - 1)
        return 0
