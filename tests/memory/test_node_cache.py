"""LangGraph's cache on SQLite: shared by processes, kept over restarts, and never in the way."""

from __future__ import annotations

import logging
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from perdure.contracts.errors import ConfigError
from perdure.memory import NodeMemory, open_node_cache, open_node_store

NODE = ("writes", "module.node", "node")


async def test_it_keeps_results_over_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/folder/cache.db"
    first, second = open_node_cache(url), open_node_cache(url)
    await first.aset({(NODE, "key"): ({"value": 1}, None)})
    assert await second.aget([(NODE, "key"), (NODE, "other")]) == {(NODE, "key"): {"value": 1}}
    await second.aclear([NODE])
    assert first.get([(NODE, "key")]) == {}


async def test_a_result_without_a_form_is_told_of_and_fails_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = open_node_cache(f"sqlite:///{tmp_path}/cache.db")
    with caplog.at_level(logging.WARNING):
        await cache.aset({(NODE, "key"): ([("value", threading.Lock())], None)})
    assert "the result of node is not kept in LangGraph's cache" in caplog.text
    assert await cache.aget([(NODE, "key")]) == {}


async def test_a_file_that_is_none_lets_nodes_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("perdure.memory.sqlite_opening.BUSY_TIMEOUT", 0.1)
    (tmp_path / "cache.db").write_text("dear diary, " * 100)
    cache = open_node_cache(f"sqlite:///{tmp_path}/cache.db")
    with caplog.at_level(logging.WARNING):
        assert await cache.aget([(NODE, "key")]) == {}
    assert "nodes run instead" in caplog.text


async def test_what_has_expired_is_gone_after_a_start(tmp_path: Path) -> None:
    cache: Any = open_node_cache(f"sqlite:///{tmp_path}/cache.db")
    await cache.aset({(NODE, "short"): (1, -1), (NODE, "long"): (1, 60), (NODE, "ever"): (1, None)})
    before = set(threading.enumerate())
    memory = NodeMemory(open_node_store(f"sqlite:///{tmp_path}/store.db"), cache)
    await memory.start()
    await memory.close()
    with sqlite3.connect(tmp_path / "cache.db") as file:
        assert {key for (key,) in file.execute("SELECT key FROM cache")} == {"long", "ever"}
    file.close()
    assert {one for one in set(threading.enumerate()) - before if "perdure" in one.name} == set()


@pytest.mark.parametrize("url", ["postgres://x", "sqlite:///", "memory://a/b"])
def test_a_wrong_url_is_named(url: str) -> None:
    with pytest.raises(ConfigError, match=r"langgraph_cache\.url: "):
        open_node_cache(url)
