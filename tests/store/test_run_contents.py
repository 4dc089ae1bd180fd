"""The large contents of run events: kept once in a run, read back as they were written, and gone with it."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from perdure.contracts.serialization.serializer import to_json
from perdure.contracts.types import RunRecord, RunStatus
from perdure.store import RunEnding, SqlStore
from perdure.store.event_contract import EventBatch, EventFilter, NewRunEvent

OF_RUN = EventFilter(run_id="run")
_CALL = {"call_id": "1", "model": "m", "caller": "lead_agent"}


def event(number: int, content: Any, **fields: Any) -> NewRunEvent:
    known: dict[str, Any] = {"event_type": "llm_request", "category": "trace", "metadata": _CALL, **fields}
    return NewRunEvent(number=number, content=to_json(content), task="a:1", created_at=datetime.now(UTC), **known)


def messages(count: int) -> list[dict[str, str]]:
    return [{"type": "ai", "content": secrets.token_hex(1000)} for _ in range(count)]


@pytest.fixture(autouse=True)
async def running(store: SqlStore, draft: Callable[[], Awaitable[RunRecord]]) -> None:
    await draft()
    await store.mark_running("run", fence=1, attempt=1)


async def write(store: SqlStore, *events: NewRunEvent, fence: int = 1, **batch: Any) -> None:
    await store.events.write("run", EventBatch(events, **batch), fence=fence, attempt=fence)


async def contents(store: SqlStore) -> list[Any]:
    return [one.content for one in await store.events.list(OF_RUN) if one.category != "lifecycle"]


def ask(path: Path, query: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(query).fetchone()[0] or 0)


async def test_a_growing_conversation_is_kept_once_and_read_as_it_was(store: SqlStore, path: Path) -> None:
    said = messages(100)
    calls = [{"messages": said[:end]} for end in range(2, 101, 2)]
    for number, call in enumerate(calls, 1):
        await write(store, event(number, call))
    assert await contents(store) == calls
    rows = "SELECT sum(length(coalesce(content, '')) + length(coalesce(chunks, ''))) FROM run_events"
    kept = f"SELECT coalesce((SELECT sum(length(data)) FROM run_contents), 0) + ({rows})"
    assert ask(path, kept) < 1.2 * len(to_json(said))


async def test_contents_go_with_their_run(store: SqlStore, path: Path) -> None:
    await write(store, event(1, messages(3)))
    assert ask(path, "SELECT count(*) FROM run_contents") > 0
    await store.finish("run", RunEnding(RunStatus.SUCCESS, 1), fence=1)
    await store.delete("run")
    tables = ("runs", "run_specs", "run_values", "run_events", "run_contents", "lifecycle_events", "deliveries")
    assert {table: ask(path, f"SELECT count(*) FROM {table}") for table in tables} == dict.fromkeys(tables, 0)


async def test_what_comes_instead_of_what_went_is_read(store: SqlStore) -> None:
    first, again = messages(3), messages(3)
    await write(store, event(1, first))
    await store.mark_running("run", fence=2, attempt=2)
    await write(store, event(1, [*first[:2], *again]), fence=2)
    assert await contents(store) == [[*first[:2], *again]]


async def test_a_large_message_that_is_only_wanted_if_it_is_new(store: SqlStore) -> None:
    hello = secrets.token_hex(2000)
    said = event(1, hello, event_type="human_message", category="message", if_new=True)
    await write(store, said)
    await write(store, event(2, hello, event_type="human_message", category="message", if_new=True))
    assert await contents(store) == [hello]


async def test_rows_of_before_are_read(store: SqlStore, path: Path) -> None:
    old = event(1, "hello", event_type="human_message", category="message", if_new=True)
    await write(store, old)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE run_events SET chunks = NULL, digest = NULL")
        connection.commit()
    await write(store, event(2, "hello", event_type="human_message", category="message", if_new=True))
    assert await contents(store) == ["hello"]


async def test_a_setting_leaves_contents_out(store: SqlStore, path: Path) -> None:
    silent = SqlStore(f"sqlite:///{path}", capture_message_content=False)
    await silent.start()
    human = {"event_type": "human_message", "category": "message", "if_new": True}
    title = {"event_type": "custom_event", "metadata": {"name": "title"}}
    await write(silent, event(1, messages(2)), event(2, "secret", **human), event(3, "A title", **title))
    await write(silent, event(4, "secret", **human))
    assert [
        (one.event_type, one.content) for one in await silent.events.list(OF_RUN) if one.category != "lifecycle"
    ] == [
        ("llm_request", None),
        ("human_message", None),
        ("custom_event", "A title"),
    ]
    await silent.close()
