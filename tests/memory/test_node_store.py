"""LangGraph's store on SQLite and Postgres: from any thread, loop and process, with meaning and lifetimes."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlite_vec
from langgraph.store.base import GetOp, PutOp
from langgraph.store.postgres.base import Migration
from support.forks import forking
from support.pgbouncer import pgbouncer
from support.postgres import PostgresServer
from support.servers import free_port, until

from perdure.contracts.errors import ConfigError, UnavailableError
from perdure.contracts.langgraph_json import NodeStoreConfig
from perdure.memory import NodeStore, open_node_store
from perdure.memory.vectors import VectorConnection

HOME = ("users", "1")


def vectors(texts: list[str]) -> list[list[float]]:
    """Cheese is one thing, all else another."""
    return [[float("cheese" in text), float("cheese" not in text)] for text in texts]


async def vectors_later(texts: list[str]) -> list[list[float]]:
    await asyncio.sleep(0)
    return vectors(texts)


def store_at(path: Path, **config: Any) -> NodeStore:
    return opened(f"sqlite:///{path}/folder/store.db", **config)


def opened(url: str, **config: Any) -> NodeStore:
    return open_node_store(url, NodeStoreConfig.model_validate(config))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of each back end."""
    if request.param == "postgres":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path}/folder/store.db"


async def test_it_takes_calls_of_both_kinds_from_anywhere(url: str) -> None:
    store = opened(url)
    await store.aput(HOME, "a", {"n": 1})
    store.put(HOME, "b", {"n": 2})  # in the event loop
    await asyncio.to_thread(store.put, HOME, "c", {"n": 3})
    await asyncio.to_thread(lambda: asyncio.run(store.aput(HOME, "d", {"n": 4})))  # another loop
    found = [store.get(HOME, key) for key in "abcd"]
    assert [item and item.value["n"] for item in found] == [1, 2, 3, 4]
    assert {item.key for item in await store.asearch(("users",), filter={"n": {"$gt": 2}})} == {"c", "d"}
    assert await store.alist_namespaces() == [HOME]
    store.delete(HOME, "a")
    assert await store.aget(HOME, "a") is None
    store.close()


async def test_what_is_put_is_there_after_a_restart(url: str) -> None:
    first = opened(url)
    first.put(HOME, "a", {"n": 1})
    first.close()
    second = opened(url)
    item = second.get(HOME, "a")
    assert item is not None
    assert item.value == {"n": 1}
    second.close()
    second.put(HOME, "b", {"n": 2})  # opens it again
    assert second.get(HOME, "b") is not None
    second.close()
    second.close()


@pytest.fixture
def vectors_url(url: str) -> str:
    """Of each back end that compares vectors."""
    if url.startswith("postgresql:"):
        with psycopg.connect(url) as connection:
            if not connection.execute("SELECT FROM pg_available_extensions WHERE name = 'vector'").fetchall():
                pytest.skip("this Postgres has no pgvector")
    return url


@pytest.mark.parametrize("embed", [vectors, vectors_later])
async def test_it_finds_by_meaning(vectors_url: str, embed: Any) -> None:
    store = opened(vectors_url, index={"dims": 2, "embed": embed, "fields": ["text"]})
    await store.aput(HOME, "one", {"text": "more cheese", "note": "x"})
    store.put(HOME, "two", {"text": "no milk", "note": "cheese"})  # the note is not embedded
    assert [item.key for item in await store.asearch(HOME, query="cheese")] == ["one", "two"]
    assert [item.key for item in store.search(HOME, query="milk", limit=1)] == ["two"]
    store.close()


@pytest.mark.parametrize(
    ("function", "distance"),
    [("vec_distance_cosine", 1 - 11 / (5**0.5 * 5)), ("vec_distance_L1", 4.0), ("vec_distance_L2", 8**0.5)],
)
def test_distances_without_the_extension(function: str, distance: float) -> None:
    connection = sqlite3.connect(":memory:", factory=VectorConnection)
    sqlite_vec.load(connection)
    vectors = [sqlite_vec.serialize_float32(one) for one in ([1.0, 2.0], [3.0, 4.0])]
    assert connection.execute(f"SELECT {function}(?, ?)", vectors).fetchone()[0] == pytest.approx(distance)
    with pytest.raises(sqlite3.OperationalError):
        connection.execute(f"SELECT {function}(?, ?)", (vectors[0], vectors[1] + vectors[1]))
    connection.close()


@pytest.mark.parametrize(
    ("ttl", "given", "left"),
    [
        ({}, {}, True),
        ({}, {"ttl": 0.001}, False),
        ({"default_ttl": 0.001}, {}, False),
        ({"default_ttl": 0.001}, {"ttl": None}, True),
        ({"default_ttl": 5}, {}, True),
    ],
)
async def test_items_expire(url: str, ttl: dict[str, float], given: dict[str, Any], left: bool) -> None:
    store = opened(url, ttl={"sweep_interval_minutes": 0.005, **ttl})
    store.open(sweeps=True)
    store.put(HOME, "a", {"n": 1}, **given)
    store.put(HOME, "mark", {"n": 1}, ttl=0.001)
    await until(lambda: store.get(HOME, "mark", refresh_ttl=False) is None)
    assert (store.get(HOME, "a", refresh_ttl=False) is not None) is left
    store.close()


@pytest.mark.parametrize(("refreshes", "left"), [(True, True), (False, False)])
async def test_a_read_keeps_an_item_alive_if_wanted(tmp_path: Path, refreshes: bool, left: bool) -> None:
    store = store_at(tmp_path, ttl={"refresh_on_read": refreshes, "default_ttl": 60})
    store.put(HOME, "a", {"n": 1})
    with sqlite3.connect(tmp_path / "folder" / "store.db") as file:
        file.execute("UPDATE store SET expires_at = '2000-01-01 00:00:00'")
    file.close()
    store.get(HOME, "a")
    store.open(sweeps=True)
    assert (store.get(HOME, "a") is not None) is left
    store.close()


def _write(url: str, name: str, count: int) -> None:
    store = opened(url)
    for number in range(count):
        store.batch([GetOp(HOME, "shared"), PutOp(HOME, f"{name}-{number}", {"n": number}), PutOp(HOME, "shared", {})])
    store.close()


async def test_processes_make_and_share_one_store(url: str) -> None:
    writers = [forking.Process(target=_write, args=(url, name, 40)) for name in "abcd"]
    for writer in writers:
        writer.start()
    for writer in writers:
        await asyncio.to_thread(writer.join)
    assert [writer.exitcode for writer in writers] == [0] * 4
    store = opened(url)
    assert len(store.search(HOME, limit=1000)) == 4 * 40 + 1
    store.close()


async def test_a_cancelled_call_leaves_the_store_as_it_was(url: str) -> None:
    store = opened(url)
    call = asyncio.create_task(store.aput(HOME, "a", {"n": 1}))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait({call})
    await until(lambda: store.get(HOME, "a") is not None)
    store.close()


async def test_a_store_in_memory_lives_as_long_as_the_process() -> None:
    store = open_node_store("memory://here")
    store.put(HOME, "a", {"n": 1})
    store.close()
    assert open_node_store("memory://here").get(HOME, "a") is not None
    assert open_node_store("memory://there").get(HOME, "a") is None


async def test_a_file_that_is_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.memory.sqlite_opening.BUSY_TIMEOUT", 0.1)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "store.db").write_text("dear diary, " * 100)
    with pytest.raises(UnavailableError, match=r"the store of graphs in .*store\.db cannot be used now: file is not a"):
        store_at(tmp_path).open()


async def test_an_empty_one_costs_a_worker_no_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "langgraph.store.sqlite", None)
        store_at(tmp_path).open(sweeps=True)
        with pytest.raises(ImportError):
            store_at(tmp_path).get(HOME, "a")
    store = store_at(tmp_path)
    store.put(HOME, "a", {"n": 1})
    store.close()
    monkeypatch.setitem(sys.modules, "langgraph.store.sqlite", None)
    with pytest.raises(ImportError):
        store_at(tmp_path).open(sweeps=True)


async def test_its_threads_end_with_it(url: str) -> None:
    before = set(threading.enumerate())
    store = opened(url)
    store.open(sweeps=True)
    store.close()
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize(
    "wrong",
    ["postgres://x", "postgresql://u:a@b@h/d", "sqlite:", "sqlite:///", "sqlite:///:memory:", "memory://a/b", "x"],
)
def test_a_wrong_url_is_named(wrong: str) -> None:
    with pytest.raises(ConfigError, match=r"langgraph_store\.url"):
        open_node_store(wrong)


# Postgres.


async def test_lost_connections_cost_nothing(postgres: PostgresServer, postgres_url: str) -> None:
    store = opened(postgres_url)
    await asyncio.gather(*(store.aput(HOME, key, {"n": 1}) for key in "abcdefgh"))
    postgres.cut(postgres_url)
    await asyncio.gather(*(store.aput(HOME, key, {"n": 2}) for key in "abcdefgh"))
    assert {item.value["n"] for item in await store.asearch(HOME)} == {2}
    store.close()


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    store = opened(f"postgresql://user:secret@127.0.0.1:{free_port()}/db")
    with pytest.raises(
        UnavailableError, match=r"the store of graphs in postgresql://user@127.* cannot be used"
    ) as caught:
        await store.aget(HOME, "a")
    assert "secret" not in str(caught.value)
    store.close()


async def test_a_pgbouncer_may_stand_before_it(postgres: PostgresServer, postgres_url: str) -> None:
    with pgbouncer(postgres, postgres_url, "transaction") as url:
        stores = [opened(url) for _ in range(3)]
        await asyncio.gather(*(store.aput(HOME, f"{n}", {"n": n}) for n, store in enumerate(stores * 3)))
        assert len(await stores[0].asearch(HOME)) == 9
        for store in stores:
            store.close()


async def test_a_server_without_vectors_is_refused_by_name(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = [Migration("CREATE EXTENSION no_such_extension")]
    monkeypatch.setattr("langgraph.store.postgres.base.BasePostgresStore.VECTOR_MIGRATIONS", lacking)
    store = opened(postgres_url, index={"dims": 2, "embed": vectors})
    with pytest.raises(ConfigError, match=r"langgraph_store\.url: store\.index .*pgvector"):
        store.open()
    store.close()
