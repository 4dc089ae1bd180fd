"""What runs have used in tokens that go on: their records have it only where they rest."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from ..contracts.stories import Spent
from ..contracts.types import RunRecord, RunStatus
from ..store.story_contract import RunStoryStore

_KNOWN = 1_000
"""Runs of which it is remembered how far they were counted."""

_Key = tuple[str, int]
"""A run and its attempt: what the one before had begun is told anew, and counted once."""


class Spending:
    """Each event is read once in a process, however many look on."""

    def __init__(self, stories: RunStoryStore) -> None:
        self._stories = stories
        self._known: OrderedDict[_Key, Spent] = OrderedDict()

    async def of(self, records: Sequence[RunRecord]) -> dict[str, int]:
        """By run id; nothing of one that has called no model."""
        resting = {one.run_id: (one.usage or {}).get("total_tokens", 0) for one in records}
        working = {one.run_id: (one.run_id, one.attempt) for one in records if one.status is RunStatus.RUNNING}
        counted = await self._counted(working) if working else {}
        return {run_id: tokens for run_id, tokens in {**resting, **counted}.items() if tokens}

    async def _counted(self, working: dict[str, _Key]) -> dict[str, int]:
        before = {run_id: self._known.get(key, Spent()) for run_id, key in working.items()}
        new = await self._stories.spent({run_id: spent.position for run_id, spent in before.items()})
        for run_id, key in working.items():
            tokens = before[run_id].tokens + new[run_id].tokens
            self._known[key] = Spent(tokens=tokens, position=new[run_id].position)
            self._known.move_to_end(key)
        found = {run_id: self._known[key].tokens for run_id, key in working.items()}
        while len(self._known) > _KNOWN:
            self._known.popitem(last=False)
        return found
