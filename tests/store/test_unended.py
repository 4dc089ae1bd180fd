"""What housekeeping asks of the records: what it costs does not grow with the runs that have ended."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy.dialects import sqlite

from perdure.store import SqlStore
from perdure.store.schema import runs
from perdure.store.unended import UNENDED


async def test_it_is_found_by_an_index_that_has_only_these(store: SqlStore, path: Path) -> None:
    query = UNENDED.with_only_columns(runs.c.run_id).compile(dialect=sqlite.dialect())
    with closing(sqlite3.connect(path)) as connection:
        plan = [row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
    assert plan[0] == "SCAN runs USING INDEX ix_runs_open"
