"""What runs have used in tokens that go on: their records have it only where they rest."""

from __future__ import annotations

from collections.abc import Sequence

from ..contracts.recent import RecentMap
from ..contracts.stories import Spent
from ..contracts.types import RunRecord, RunStatus
from ..store.story_contract import RunStoryStore

_KNOWN = 500
"""Runs of which it is remembered how far they were counted: the last, or up to twice as many."""

_Key = tuple[str, int]
"""A run and its attempt: what the one before had begun is told anew, and counted once."""


class Spending:
    """Each event is read once in a process, however many look on."""

    def __init__(self, stories: RunStoryStore) -> None:
        self._stories = stories
        self._known = RecentMap[_Key, Spent](_KNOWN)

    async def of(self, records: Sequence[RunRecord]) -> dict[str, int]:
        """By run id; nothing of one that has called no model."""
        resting = {one.run_id: (one.usage or {}).get("total_tokens", 0) for one in records}
        working = {one.run_id: (one.run_id, one.attempt) for one in records if one.status is RunStatus.RUNNING}
        counted = await self._counted(working) if working else {}
        return {run_id: tokens for run_id, tokens in {**resting, **counted}.items() if tokens}

    async def _counted(self, working: dict[str, _Key]) -> dict[str, int]:
        before = {run_id: self._known.get(key) or Spent() for run_id, key in working.items()}
        new = await self._stories.spent({run_id: spent.position for run_id, spent in before.items()})
        found = {run_id: before[run_id].tokens + new[run_id].tokens for run_id in working}
        for run_id, key in working.items():
            self._known[key] = Spent(tokens=found[run_id], position=new[run_id].position)
        return found
