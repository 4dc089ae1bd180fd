"""The store and the cache of graphs with keys: nodes see no difference, and the files show nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langgraph.store.memory import InMemoryStore
from support.keys import KEYRING, ROTATED

from perdure.contracts.errors import ConfigError, UnavailableError
from perdure.contracts.keyring import Keyring
from perdure.contracts.langgraph_json import NodeStoreConfig
from perdure.memory import NodeStore, open_node_cache, open_node_store

HOME = ("users", "1")
SECRET = "the recipe of the cheese"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of each back end."""
    if request.param == "postgres":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path}/folder/store.db"


def store_at(url: str, keyring: Keyring | None = KEYRING) -> NodeStore:
    return open_node_store(url, keyring=keyring)


def raw(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


FILTERS: list[dict[str, Any]] = [
    {"kind": "even"},
    {"n": {"$gte": 3, "$lt": 7}},
    {"kind": {"$ne": "even"}, "more": {"deep": True}},
    {"kind": "neither"},
]


async def test_a_filter_finds_what_a_plain_store_finds(url: str) -> None:
    store, plain = store_at(url), InMemoryStore()
    for n in range(9):
        value = {"n": n, "kind": "odd" if n % 2 else "even", "more": {"deep": n > 4}}
        await store.aput(HOME, f"{n}", value)
        await plain.aput(HOME, f"{n}", value)
    await store.aput(("others",), "3", {"kind": "even"})
    for which in FILTERS:
        found = {item.key: item.value for item in await store.asearch(("users",), filter=which)}
        assert found == {item.key: item.value for item in await plain.asearch(("users",), filter=which)}
        assert found == {item.key: item.value for item in store.search(("users",), filter=which)}
    pages = [store.search(HOME, filter={"kind": "even"}, limit=2, offset=at) for at in (0, 2, 4, 6)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert {item.key for page in pages for item in page} == {"0", "2", "4", "6", "8"}
    store.close()


async def test_a_filter_looks_through_more_than_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.memory.sealed_store._PAGE", 2)
    store = store_at(f"sqlite:///{tmp_path}/store.db")
    for n in range(5):
        store.put(HOME, f"{n}", {"n": n})
    assert {item.key for item in store.search(HOME, filter={"n": {"$gte": 1}})} == {*"1234"}
    store.close()


async def test_the_file_shows_nothing_and_what_was_plain_is_read(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    plain = store_at(url, None)
    plain.put(HOME, "before", {"n": 1})
    store = store_at(url)
    store.put(HOME, "a", {"text": SECRET})
    rotated = store_at(url, ROTATED)
    assert rotated.get(HOME, "a").value == {"text": SECRET}  # pyright: ignore[reportOptionalMemberAccess]
    assert {item.key: item.value for item in rotated.search(HOME)} == {"before": {"n": 1}, "a": {"text": SECRET}}
    assert await store.alist_namespaces(prefix=("users",)) == [HOME]
    assert SECRET.encode() not in raw(tmp_path)
    await store.adelete(HOME, "a")
    assert store.get(HOME, "a") is None
    for one in (plain, store, rotated):
        one.close()


async def test_an_index_is_refused() -> None:
    config = NodeStoreConfig.model_validate({"index": {"dims": 2, "embed": "anything"}})
    with pytest.raises(ConfigError, match=r"store\.index of langgraph\.json: its vectors tell .* cannot be encrypted"):
        open_node_store("memory://", config, keyring=KEYRING)


async def test_a_cache(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    url, key = f"sqlite:///{tmp_path}/cache.db", (("node",), "key")
    cache = open_node_cache(url, keyring=KEYRING)
    await cache.aset({key: (SECRET, None)})
    assert await cache.aget([key]) == {key: SECRET}
    assert SECRET.encode() not in raw(tmp_path)
    plain: Any = open_node_cache(url)
    assert await plain.aget([key]) == {}, "it is an aid: without the key the node runs"
    assert "encryption.key_id is not set" in caplog.text
    plain.close()
    cache.close()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


def test_without_the_key_it_says_so(tmp_path: Path) -> None:
    store = store_at(f"sqlite:///{tmp_path}/store.db", ROTATED)
    store.put(HOME, "a", {"text": SECRET})
    store.close()
    store = store_at(f"sqlite:///{tmp_path}/store.db")
    with pytest.raises(UnavailableError, match="sealed with the key 'k2'"):
        store.get(HOME, "a")
    store.close()
