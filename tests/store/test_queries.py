"""What readers get: results, pages, specs."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Engine, event

from perdure.store import SqlStore
from perdure.store.conformance.making import Draft
from perdure.store.thread_filter import ThreadFilter, ThreadSort


@contextmanager
def statements() -> Generator[list[str], None, None]:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_lists_and_records_never_read_specs_values_or_questions(store: SqlStore, draft: Draft) -> None:
    await draft()
    with statements() as seen:
        await store.list(before="run")
        await store.get("run")
    assert seen
    assert not [text for text in seen if "run_specs" in text or "run_values" in text or "interrupts" in text]


async def test_progress_is_few_statements_in_one_transaction(store: SqlStore, draft: Draft) -> None:
    await draft()
    await store.mark_running("run", fence=1, attempt=1)
    with statements() as seen:
        await store.mark_running("run", fence=2, attempt=2)
    assert [text.split()[0] for text in seen] == ["BEGIN", "SELECT", "UPDATE", "INSERT", "UPDATE"]


async def test_threads_are_found_by_their_labels_without_looking_at_all_of_them(store: SqlStore, path: Path) -> None:
    with statements() as seen:
        await store.threads.search(ThreadFilter(metadata={"team": "a"}), ThreadSort(), limit=2, offset=2)
    with closing(sqlite3.connect(path)) as connection:
        for text in (text for text in seen if text.startswith("SELECT")):
            plan = connection.execute(f"EXPLAIN QUERY PLAN {text}", [None] * text.count("?")).fetchall()
            assert not [step for *_, step in plan if step.startswith("SCAN")], plan
