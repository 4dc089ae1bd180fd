"""The workers of an installation, its identity, and the Temporals that it has met."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from perdure.contracts.workers import WorkerRecord, served_by, unknown_nodes
from perdure.store import SqlStore

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def worker(name: str, *graphs: str, seen: datetime = NOW, queue: str = "queue") -> WorkerRecord:
    return WorkerRecord(
        worker_id=name,
        task_queue=queue,
        name=name,
        graphs=dict.fromkeys(graphs, ("a", "b")),
        started_at=NOW,
        seen_at=seen,
    )


async def test_workers_do_not_overwrite_each_other(store: SqlStore) -> None:
    one, two = worker("one", "x"), worker("two", "y", seen=NOW + timedelta(seconds=1))
    await asyncio.gather(
        *(store.workers.announce(each) for each in (one, two, worker("else", "z", queue="other"), one))
    )
    assert await store.workers.list("queue") == [two, one]
    await store.workers.end("one", NOW + timedelta(seconds=2))
    await store.workers.end("unknown", NOW)
    found = await store.workers.list("queue")
    assert [each.is_there(NOW + timedelta(seconds=2)) for each in found] == [True, False]
    await store.workers.announce(worker("three", seen=NOW + timedelta(days=2)))
    assert [each.name for each in await store.workers.list("queue")] == ["three"]


def test_what_is_told_of_workers() -> None:
    assert served_by([worker("one", "y", "x"), worker("two")]) == "x, y (one); nothing (two)"
    assert served_by([]) == "no worker is there"
    assert unknown_nodes([worker("one", "x")], "x", ["a", "c"]) == {"c": "; it has: a, b"}
    assert unknown_nodes([worker("one", "x")], "x", "*") == {}
    assert unknown_nodes([worker("one", "x")], "y", ["c"]) == {}


async def test_an_installation_has_an_identity_from_its_first_start_on(url: str, tmp_path: Path) -> None:
    async def identity(url: str) -> str:
        store = SqlStore(url)
        try:
            await store.start()
            return store.installation
        finally:
            await store.close()

    first = await identity(url)
    assert len(first) == 32
    assert await identity(url) == first
    assert await identity(f"sqlite:///{tmp_path}/other.db") != first


async def test_a_temporal_is_gone_when_another_is_in_its_place_or_an_operator_says_so(store: SqlStore) -> None:
    await store.meet_temporal("first", "/home/temporal.db")
    await store.meet_temporal("far", "elsewhere")
    await store.meet_temporal("first", "/home/temporal.db")
    assert not await store.is_gone("first")
    await store.meet_temporal("second", "/home/temporal.db")
    assert [await store.is_gone(each) for each in ("first", "second", "far", "unknown")] == [True, False, False, False]
    await store.abandon_temporal("far")
    await store.abandon_temporal("unknown")
    assert [await store.is_gone(each) for each in ("far", "unknown")] == [True, True]
