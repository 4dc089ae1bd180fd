"""What a store promises to housekeeping."""

from __future__ import annotations

import pytest

from ...contracts.types import RunRecord, RunStatus
from ..contract import RunEnding, Store
from .making import Draft


def ids(page: list[RunRecord]) -> list[str]:
    return [record.run_id for record in page]


class HousekeepingPromises:
    """What housekeeping asks of the records: what it costs does not grow with the runs that have ended."""

    async def test_pages_of_what_has_no_end(self, store: Store, draft: Draft) -> None:
        for number in range(7):
            await draft(f"r{number}", f"t{number % 2}")
        await store.mark_submitted("r2")
        await store.finish("r3", RunEnding(RunStatus.SUCCESS, 1), fence=1)
        first = await store.unended(limit=3)
        await store.delete(ids(first)[-1])
        rest = await store.unended(after=first[-1])
        assert (ids(first), ids(rest)) == (["r0", "r2", "r4"], ["r6", "r1", "r5"])

    @pytest.mark.parametrize(
        ("holder", "seconds", "then", "has_it"),
        [
            ("first", 60, "first", True),
            ("first", 60, "second", False),
            ("first", 0, "second", True),
        ],
    )
    async def test_a_lease_has_one_holder(
        self, store: Store, holder: str, seconds: float, then: str, has_it: bool
    ) -> None:
        assert await store.lease("rounds", holder, seconds)
        assert await store.lease("others", "other", 60)
        assert await store.lease("rounds", then, 60) is has_it
