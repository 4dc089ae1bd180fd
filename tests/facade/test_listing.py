"""Pages of runs: full, also where there are drafts that never became runs; steady while runs come in; filtered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from perdure import InvalidRunError, RunPage, RunRecord, RunScope, RunSpec, RunStatus
from perdure.contracts.settings import TemporalSettings
from perdure.facade.listing import RunListing, run_filter
from perdure.facade.lookup import RunLookup
from perdure.store import SqlStore, StoredRun

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class _NoWorkflows(RunLookup):
    """No draft was submitted: Temporal has no workflow of it."""

    async def exists(self, stored: StoredRun) -> bool:
        return stored.submitted


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    store = SqlStore(f"sqlite:///{tmp_path / 'store.db'}")
    await store.start()
    yield store
    await store.close()


@pytest.fixture
def listing(store: SqlStore) -> RunListing:
    async def temporal() -> object:
        raise AssertionError("nothing asks Temporal")

    return RunListing(store, _NoWorkflows(TemporalSettings(), store, temporal))  # type: ignore[arg-type]


async def _write(
    store: SqlStore, run_id: str, *, submitted: bool = True, graph: str = "graph", minutes: int = 0
) -> None:
    at = NOW + timedelta(minutes=minutes)
    record = RunRecord(run_id=run_id, thread_id="t", assistant_id=graph, created_at=at, updated_at=at)
    await store.create(record, RunSpec(assistant_id=graph, scope=RunScope(thread_id="t"), run_id=run_id))
    if submitted:
        await store.mark_submitted(run_id)


def _ids(page: RunPage) -> list[str]:
    return [record.run_id for record in page.runs]


async def test_a_page_is_full_although_drafts_are_left_out(store: SqlStore, listing: RunListing) -> None:
    for number in range(12):
        await _write(store, f"{number}", submitted=number % 3 == 0)
    first = await listing.page("t", run_filter((), None, None), limit=2, before=None)
    assert (_ids(first), first.next) == (["9", "6"], "6")
    await _write(store, "newer")
    second = await listing.page("t", run_filter((), None, None), limit=2, before=first.next)
    assert (_ids(second), second.next) == (["3", "0"], None)


async def test_a_page_of_what_is_asked_for(store: SqlStore, listing: RunListing) -> None:
    for number in range(6):
        await _write(store, f"{number}", graph="ab"[number % 2], minutes=number)
    await store.mark_running("2", fence=1, attempt=1)
    of_a = await listing.page(None, run_filter("pending", "a", None), limit=1, before=None)
    assert (_ids(of_a), of_a.next) == (["4"], "4")
    await store.mark_running("4", fence=1, attempt=1)  # the run that ended the page has moved on
    assert _ids(await listing.page(None, run_filter("pending", "a", None), limit=5, before="4")) == ["0"]
    both = run_filter([RunStatus.PENDING, "running"], None, NOW + timedelta(minutes=2))
    assert _ids(await listing.page(None, both, limit=9, before=None)) == ["5", "4", "3", "2"]


def test_a_status_that_there_is_not() -> None:
    with pytest.raises(InvalidRunError, match="did you mean 'success'"):
        run_filter("sucess", None, None)
