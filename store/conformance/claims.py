"""What a store promises of whose a thread is."""

from __future__ import annotations

import asyncio

import pytest

from ...contracts.errors import ThreadTakenError
from ...contracts.limit_errors import LimitError
from ...contracts.types import RunRecord, RunSpec, RunStatus
from ..contract import RunEnding, Store
from .making import Make


async def _owner(store: Store, thread_id: str = "thread") -> str | None:
    found = await store.threads.get(thread_id)
    return None if found is None else found.user_id


class ClaimPromises:
    """A thread belongs to the user of its first draft, from the transaction on that writes it."""

    async def test_what_a_refused_draft_leaves(self, store: Store, make_record: Make, spec: RunSpec) -> None:
        await store.create(make_record("one", user_id="ann"), spec)
        for user in ("bob", "cid"):
            with pytest.raises(ThreadTakenError):
                await store.create(make_record("two", user_id=user), spec)
        assert await store.get("two") is None
        assert await store.threads.get("thread") is None, "a claim is no thread yet"
        assert await store.threads.list() == []
        await store.create(make_record("three", user_id="ann"), spec)
        await store.create(make_record("four", user_id=None), spec)  # nobody in particular may do what all may
        await store.mark_submitted("four")
        assert await _owner(store) == "ann"

    @pytest.mark.parametrize("discards", [True, False])
    async def test_a_claim_goes_with_the_last_draft(
        self, store: Store, make_record: Make, spec: RunSpec, discards: bool
    ) -> None:
        async def remove(record: RunRecord) -> bool:
            if discards:
                return await store.discard(record.run_id, taken_up=record.updated_at)
            return await store.delete(record.run_id)

        await store.create(one := make_record("one", user_id="ann"), spec)
        await store.create(two := make_record("two", user_id="ann"), spec)
        assert await remove(one)
        with pytest.raises(ThreadTakenError):
            await store.create(make_record("three", user_id="bob"), spec)
        assert await remove(two)
        await store.create(make_record("three", user_id="bob"), spec)
        await store.mark_submitted("three")
        assert await _owner(store) == "bob"

    async def test_a_removed_thread_stays_with_the_user_of_a_draft(
        self, store: Store, make_record: Make, spec: RunSpec
    ) -> None:
        await store.create(make_record("one", user_id="ann", metadata={"a": 1}), spec)
        await store.mark_submitted("one")
        await store.create(make_record("two", user_id="ann"), spec)
        await store.delete("one")
        assert await store.threads.delete("thread")
        assert await store.threads.get("thread") is None
        assert not await store.threads.delete("thread")
        with pytest.raises(ThreadTakenError):
            await store.create(make_record("three", user_id="bob"), spec)
        await store.mark_submitted("two")
        thread = await store.threads.get("thread")
        assert thread is not None
        assert (thread.user_id, thread.metadata) == ("ann", {})

    async def test_a_thread_without_runs_keeps_its_owner(self, store: Store, make_record: Make, spec: RunSpec) -> None:
        await store.create(make_record("one", user_id="ann"), spec)
        await store.mark_submitted("one")
        await store.delete("one")
        with pytest.raises(ThreadTakenError):
            await store.create(make_record("two", user_id="bob"), spec)
        assert await store.threads.delete("thread")
        await store.create(make_record("two", user_id="bob"), spec)

    async def test_a_user_has_no_more_runs_in_flight_than_the_limit(
        self, store: Store, make_record: Make, spec: RunSpec
    ) -> None:
        async def create(run_id: str, user: str | None = "ann") -> bool:
            record = make_record(run_id, f"thread of {run_id}", user_id=user)
            return (await store.create(record, spec, most_of_user=2))[1]

        outcomes = await asyncio.gather(*(create(f"r{number}") for number in range(6)), return_exceptions=True)
        kept = [f"r{number}" for number, outcome in enumerate(outcomes) if outcome is True]
        assert (len(kept), sum(isinstance(outcome, LimitError) for outcome in outcomes)) == (2, 4)
        assert {record.run_id for record in await store.unended()} == {*kept}
        assert not await create(kept[0])  # it is the same run
        assert await create("of bob", "bob")
        assert all([await create(f"of nobody {number}", None) for number in range(3)])
        await store.finish(kept[0], RunEnding(RunStatus.SUCCESS, 1), fence=1)
        assert await create("next")
        with pytest.raises(LimitError, match=r"user 'ann' has 2 runs .* limits\.runs_per_user is 2"):
            await create("one too many")
