"""Opening and closing, and what a URL may be."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import sys
import threading
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from perdure.contracts.errors import ConfigError, UnavailableError
from perdure.contracts.types import RunRecord
from perdure.store import SqlStore, Store, open_store

Draft = Callable[..., Awaitable[RunRecord]]


async def test_the_sql_store_is_a_store(url: str) -> None:
    store: Store = open_store(url)  # the type checker's proof
    assert isinstance(store, SqlStore)


async def test_start_creates_folder_and_file(path: Path, url: str) -> None:
    store = open_store(url)
    await store.start()
    assert [file.name for file in path.parent.glob("*.db")] == ["store.db"]
    await store.close()


async def test_records_outlive_the_store(store: SqlStore, url: str, draft: Draft) -> None:
    await draft()
    before = await store.get("run")
    await store.close()
    again = open_store(url)
    await again.start()
    assert await again.get("run") == before
    await again.close()


async def test_a_store_can_be_started_twice_and_after_its_end(store: SqlStore, draft: Draft) -> None:
    await draft()
    await store.start()
    await store.close()
    await store.close()
    await store.start()
    assert await store.get("run") is not None


async def test_a_relative_path_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///folder/relative.db")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    await store.start()
    assert (tmp_path / "folder" / "relative.db").is_file()
    await store.close()


async def test_the_file_is_in_wal_mode(store: SqlStore, path: Path) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


@pytest.mark.parametrize("when", ["before its start", "after its end"])
async def test_a_store_that_is_not_open_is_unavailable(url: str, when: str) -> None:
    store = open_store(url)
    if when == "after its end":
        await store.start()
        await store.close()
    for call in (store.get("run"), store.mark_submitted("run"), store.list(), store.workers.list("queue")):
        with pytest.raises(UnavailableError, match="not open"):
            await call


async def test_calls_under_way_end_before_the_store_closes(store: SqlStore, url: str, draft: Draft) -> None:
    await draft()
    calls = [asyncio.ensure_future(store.mark_running("run", fence=n, attempt=n)) for n in range(50)]
    await asyncio.sleep(0)
    await store.close()
    assert [call.done() for call in calls] == [True] * 50
    assert max(record.attempt for record in await asyncio.gather(*calls)) == 49


async def test_closing_leaves_nothing_behind(url: str) -> None:
    before = set(threading.enumerate())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store = open_store(url)
        await store.start()
        await asyncio.gather(*(store.get(str(n)) for n in range(20)))
        opened = set(threading.enumerate()) - before
        await store.close()
        del store
        gc.collect()
    for thread in opened:
        thread.join(5)
    assert opened
    assert [thread for thread in opened if thread.is_alive()] == []


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("sqlite:///file:x?mode=memory&uri=true", "must name a file"),
        ("sqlite:///store.db?timeout=5", "without options"),
        ("sqlite://folder/store.db", "must name a file"),
        ("sqllite:///store.db", "did you mean 'sqlite'"),
        ("mysql://root:secret@host/db", "allowed: sqlite://"),
        ("store.db", "not a URL"),
        ("", "not a URL"),
    ],
)
def test_a_url_that_cannot_be_used_is_a_config_error(url: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text) as caught:
        open_store(url)
    assert "store.url" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_sqlalchemy_and_alembic_are_imported_only_when_needed(store: SqlStore, url: str) -> None:
    code = """
import asyncio, sys
import perdure.store
assert "sqlalchemy" not in sys.modules

async def main():
    store = perdure.store.open_store(sys.argv[1])
    await store.start()
    await store.close()
    assert "sqlalchemy" in sys.modules
    assert "alembic" not in sys.modules

asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, url)
    assert await process.wait() == 0


def test_the_room_has_no_other_names() -> None:
    import perdure.store

    assert all(hasattr(perdure.store, name) for name in perdure.store.__all__)
    assert not hasattr(perdure.store, "SqlStor")
