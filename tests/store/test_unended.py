"""What housekeeping asks of the records: what it costs does not grow with the runs that have ended."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.dialects import sqlite

from perdure.contracts.types import RunRecord, RunStatus
from perdure.store import RunEnding, SqlStore
from perdure.store.schema import runs
from perdure.store.unended import UNENDED

Draft = Callable[..., Awaitable[RunRecord]]


def ids(page: list[RunRecord]) -> list[str]:
    return [record.run_id for record in page]


async def test_pages_of_what_has_no_end(store: SqlStore, draft: Draft) -> None:
    for number in range(7):
        await draft(f"run-{number}", f"thread-{number % 2}")
    await store.mark_submitted("run-2")
    await store.finish("run-3", RunEnding(RunStatus.SUCCESS, 1), fence=1)
    first = await store.unended(limit=3)
    await store.delete(ids(first)[-1])
    rest = await store.unended(after=first[-1])
    assert (ids(first), ids(rest)) == (["run-0", "run-2", "run-4"], ["run-6", "run-1", "run-5"])


async def test_it_is_found_by_an_index_that_has_only_these(store: SqlStore, path: Path) -> None:
    query = UNENDED.with_only_columns(runs.c.run_id).compile(dialect=sqlite.dialect())
    with closing(sqlite3.connect(path)) as connection:
        plan = [row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
    assert plan[0] == "SCAN runs USING INDEX ix_runs_open"


@pytest.mark.parametrize(
    ("holder", "seconds", "then", "has_it"),
    [
        ("first", 60, "first", True),
        ("first", 60, "second", False),
        ("first", 0, "second", True),
    ],
)
async def test_a_lease_has_one_holder(store: SqlStore, holder: str, seconds: float, then: str, has_it: bool) -> None:
    assert await store.lease("rounds", holder, seconds)
    assert await store.lease("others", "other", 60)
    assert await store.lease("rounds", then, 60) is has_it
