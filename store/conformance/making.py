"""What the tests of the suite are given: records, a spec, and drafts in the store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from ...contracts.types import RunRecord, RunScope, RunSpec
from ..contract import Store

Make = Callable[..., RunRecord]
"""`make(run_id, thread_id, **fields)`"""
Draft = Callable[..., Awaitable[RunRecord]]
"""`await draft(run_id, thread_id)`"""


def make_record(run_id: str = "run", thread_id: str = "thread", **fields: object) -> RunRecord:
    """A record as of a run that is about to be submitted, with these fields."""
    now = datetime.now(UTC)
    known = {"run_id": run_id, "thread_id": thread_id, "assistant_id": "agent", "created_at": now, "updated_at": now}
    return RunRecord.model_validate(known | fields)


def make_spec() -> RunSpec:
    """A spec for it."""
    return RunSpec(assistant_id="agent", scope=RunScope(thread_id="thread"), input={"question": "why?"})


def drafts_in(store: Store) -> Draft:
    """Creates drafts in the store."""

    async def create(run_id: str = "run", thread_id: str = "thread") -> RunRecord:
        stored, created = await store.create(make_record(run_id, thread_id), make_spec())
        assert created
        return stored.record

    return create


class StoreFixtures:
    """The fixtures of the suite, but for `store`."""

    @pytest.fixture
    def make_record(self) -> Make:
        return make_record

    @pytest.fixture
    def spec(self) -> RunSpec:
        return make_spec()

    @pytest.fixture
    def draft(self, store: Store) -> Draft:
        return drafts_in(store)
