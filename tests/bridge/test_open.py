"""From a URL to a bridge."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from perdure.bridge import Bridge, MemoryBridge, SqliteBridge, open_bridge
from perdure.bridge.conformance.probe import new_stream
from perdure.contracts.errors import ConfigError, RunNotFoundError


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Bridge]:
    bridge = open_bridge(url)
    await bridge.start()
    yield bridge
    await bridge.close()


@pytest.mark.parametrize("url", ["memory://", "memory://name", "memory://other-name_1.0"])
async def test_one_memory_url_is_the_same_streams_for_all(url: str) -> None:
    async with opened(url) as bridge, opened(url) as other:
        assert isinstance(bridge, MemoryBridge)
        run_id = await new_stream(bridge)
        assert await other.last_event_id(run_id) == 0


async def test_memory_outlives_its_bridges() -> None:
    async with opened("memory://name") as bridge:
        run_id = await new_stream(bridge)
    async with opened("memory://name") as other:
        assert await other.last_event_id(run_id) == 0


@pytest.mark.parametrize("url", ["memory://other", "memory://NAME", "memory://"])
async def test_another_memory_url_is_other_streams(url: str) -> None:
    async with opened("memory://name") as bridge, opened(url) as other:
        run_id = await new_stream(bridge)
        with pytest.raises(RunNotFoundError):
            await other.last_event_id(run_id)


async def test_three_slashes_are_a_path_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bridge = open_bridge("sqlite:///folder/bridge.db")
    monkeypatch.chdir(os.sep)  # the folder of the moment when it was opened counts
    assert isinstance(bridge, SqliteBridge)
    await bridge.start()
    await bridge.close()
    assert (tmp_path / "folder" / "bridge.db").exists()


async def test_four_slashes_are_an_absolute_path(tmp_path: Path) -> None:
    bridge = open_bridge(f"sqlite:///{tmp_path}/bridge.db")
    await bridge.start()
    await bridge.close()
    assert (tmp_path / "bridge.db").exists()


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("sqllite:///x.db", "did you mean 'sqlite'"),
        ("postgres://localhost", "allowed: sqlite:///"),
        ("bridge.db", "allowed: sqlite:///"),
        ("memory", "allowed: sqlite:///"),
        ("memory:///name", "no name"),
        ("memory://a?b=c", "no name"),
        ("memory://a\n", "no name"),
        ("sqlite://x.db", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite:////folder/", "names no file"),
        ("sqlite:///:memory:", "use memory://"),
        ("sqlite:///x.db?mode=ro", "options"),
    ],
)
async def test_other_urls_are_refused(url: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        open_bridge(url)
