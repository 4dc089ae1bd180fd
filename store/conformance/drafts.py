"""What a store promises of drafts, what becomes of them, and of deletion."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from ...contracts.errors import InvalidRunError
from ...contracts.types import (
    CancelAction,
    MultitaskStrategy,
    RunError,
    RunRecord,
    RunScope,
    RunSpec,
    RunStatus,
    RunTrouble,
)
from ..contract import RunEnding, Store, StoredRun
from .making import Draft, Make


async def submit_it(store: Store) -> object:
    return await store.mark_submitted("run")


async def run_it(store: Store) -> object:
    return await store.mark_running("run", fence=1, attempt=1)


async def ask_it(store: Store) -> object:
    return await store.mark_awaiting("run", fence=1, steps=1, interrupts=[], values=None)


async def finish_it(store: Store) -> object:
    return await store.finish("run", RunEnding(RunStatus.ERROR, steps=1), fence=1)


class DraftPromises:
    """Submission: drafts, what becomes of them, and deletion."""

    async def test_create_writes_a_draft(self, store: Store, make_record: Make, spec: RunSpec) -> None:
        record = make_record()
        assert await store.create(record, spec) == (StoredRun(record, submitted=False), True)
        assert await store.get("run") == StoredRun(record, submitted=False)

    async def test_create_again_changes_nothing(self, store: Store, make_record: Make, spec: RunSpec) -> None:
        first, _ = await store.create(make_record(), spec)
        await store.mark_submitted("run")
        other = make_record(thread_id="other", title="other")
        assert await store.create(other, spec.model_copy(update={"input": "other"})) == (
            StoredRun(first.record, submitted=True),
            False,
        )
        assert (await store.get_spec("run")).input == spec.input

    async def test_one_of_many_concurrent_creates_wins(self, store: Store, make_record: Make, spec: RunSpec) -> None:
        answers = await asyncio.gather(*(store.create(make_record(title=str(n)), spec) for n in range(20)))
        assert sum(created for _, created in answers) == 1
        assert len({stored.record.title for stored, _ in answers}) == 1

    async def test_every_field_of_a_record_is_kept(self, store: Store, spec: RunSpec) -> None:
        moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
        record = RunRecord(
            run_id="run",
            thread_id="thread",
            assistant_id="agent",
            status=RunStatus.AWAITING_INPUT,
            temporary=True,
            multitask_strategy=MultitaskStrategy.ROLLBACK,
            metadata={"nested": [1, {"a": None}], "nul": "\0", "text": "ü😀"},
            thread_metadata={"kind": ["chat"]},
            follow_up_to_run_id="before",
            created_at=moment,
            updated_at=moment + timedelta(seconds=1),
            started_at=moment + timedelta(seconds=2),
            ended_at=moment + timedelta(seconds=3),
            error=RunError(type="ValueError", message="m", traceback="t"),
            sequence=3,
            attempt=4,
            steps=5,
            cancel_action=CancelAction.INTERRUPT,
            user_id="user",
            title="title",
            usage={"tokens": 6},
            trouble=RunTrouble(type="WorkerLostError", message="gone", count=2, lost=1, since=moment),
        )
        assert all(getattr(record, name) != field.default for name, field in RunRecord.model_fields.items())
        await store.create(record, spec)
        stored = await store.get("run")
        assert stored is not None
        assert stored.record == record

    @pytest.mark.parametrize(
        "moment",
        [
            datetime(2026, 1, 2, 12, tzinfo=timezone(timedelta(hours=5))),
            datetime(2026, 1, 2, 7),
        ],
    )
    async def test_times_come_back_as_aware_utc(
        self, store: Store, make_record: Make, spec: RunSpec, moment: datetime
    ) -> None:
        await store.create(make_record(created_at=moment), spec)
        stored = await store.get("run")
        assert stored is not None
        assert stored.record.created_at.isoformat() == "2026-01-02T07:00:00+00:00"

    async def test_metadata_becomes_json_at_once(self, store: Store, make_record: Make, spec: RunSpec) -> None:
        created, _ = await store.create(
            make_record(metadata={"set": {2, 1}, "when": datetime(2026, 1, 1, tzinfo=UTC)}), spec
        )
        assert created.record.metadata == {"set": [1, 2], "when": "2026-01-01T00:00:00+00:00"}
        assert await store.get("run") == created

    async def test_a_spec_that_cannot_be_stored_leaves_nothing(self, store: Store, make_record: Make) -> None:
        spec = RunSpec(assistant_id="agent", scope=RunScope(thread_id="thread"), input={"lock": asyncio.Lock()})
        with pytest.raises(InvalidRunError, match="input"):
            await store.create(make_record(), spec)
        assert await store.get("run") is None

    async def test_submitted_once_and_again(self, store: Store, draft: Draft) -> None:
        before = await draft()
        await store.mark_submitted("run")
        await store.mark_submitted("run", sequence=7)
        await store.mark_submitted("run", sequence=8)
        await store.mark_submitted("run")
        expected = before.model_copy(update={"sequence": 7})
        assert await store.get("run") == StoredRun(expected, submitted=True)

    async def test_submitting_an_absent_run_is_ignored(self, store: Store) -> None:
        await store.mark_submitted("absent", sequence=1)
        assert await store.get("absent") is None

    async def test_a_late_acknowledgement_gives_a_finished_run_its_sequence(self, store: Store, draft: Draft) -> None:
        await draft()
        ended = await store.finish("run", RunEnding(RunStatus.SUCCESS, steps=1), fence=1)
        await store.mark_submitted("run", sequence=7)
        assert await store.get("run") == StoredRun(ended.model_copy(update={"sequence": 7}), submitted=True)

    @pytest.mark.parametrize("take", [submit_it, run_it, ask_it, finish_it])
    async def test_discard_leaves_what_temporal_has_taken(
        self, store: Store, draft: Draft, take: Callable[[Store], Awaitable[object]]
    ) -> None:
        record = await draft()
        await take(store)
        assert not await store.discard("run", taken_up=record.updated_at)
        stored = await store.get("run")
        assert stored is not None
        assert stored.submitted

    async def test_discard_leaves_what_another_has_taken_up(self, store: Store, draft: Draft, spec: RunSpec) -> None:
        first = await draft()
        second = first.model_copy(update={"updated_at": first.updated_at + timedelta(seconds=1)})
        taken_up, created = await store.create(second, spec)
        assert (taken_up.record, created) == (second, False)
        stranger = first.model_copy(update={"updated_at": first.updated_at + timedelta(seconds=2), "user_id": "bob"})
        assert (await store.create(stranger, spec))[0].record == second
        assert not await store.discard("run", taken_up=first.updated_at)
        assert await store.get("run") == StoredRun(second, submitted=False)
        assert await store.discard("run", taken_up=second.updated_at)
        assert await store.get("run") is None

    async def test_a_deleted_run_can_be_created_anew(self, store: Store, draft: Draft) -> None:
        await draft()
        await store.mark_running("run", fence=9, attempt=3)
        await store.delete("run")
        await draft()
        assert (await store.mark_running("run", fence=1, attempt=1)).attempt == 1
