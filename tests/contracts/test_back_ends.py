"""Back ends of installed distributions are found by the scheme of their URL."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perdure import ConfigError, Settings, load_settings
from perdure.bridge import MemoryBridge, open_bridge
from perdure.checkpoints import open_checkpoints
from perdure.memory import open_node_cache, open_node_store
from perdure.store import open_store

MODULE = """
from perdure.bridge import MemoryBridge, MemoryStreams
from perdure.checkpoints import open_checkpoints
from perdure.store import open_store


def bridge(url):
    return MemoryBridge(MemoryStreams())


def store(url, *, capture_message_content):
    opened = open_store("sqlite:///" + url.partition("://")[2], capture_message_content=capture_message_content)
    opened.of_acme = capture_message_content
    return opened


def checkpoints(url):
    return open_checkpoints("memory://")


def wrong(url):
    return url


def broken(url):
    raise OSError("no such cluster")
"""

ENTRY_POINTS = """
[perdure.bridges]
acme = acme_back_ends:bridge
wrong = acme_back_ends:wrong
broken = acme_back_ends:broken
absent = acme_back_ends_absent:bridge

[perdure.stores]
acme = acme_back_ends:store

[perdure.checkpointers]
acme = acme_back_ends:checkpoints
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution that is installed in a folder."""
    (tmp_path / "acme_back_ends.py").write_text(MODULE)
    info = tmp_path / "acme_back_ends-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-back-ends\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_each_room_opens_what_is_installed(acme: Path) -> None:
    assert isinstance(open_bridge("acme://cluster/1"), MemoryBridge)
    assert type(open_checkpoints("acme://x")) is type(open_checkpoints("memory://"))
    store: Any = open_store(f"acme://{acme}/store.db", capture_message_content=False)
    assert store.of_acme is False


def test_the_settings_take_its_schemes(acme: Path, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("{bridge: {url: 'acme://b'}, store: {url: 'acme://s'}, checkpointer: {url: 'acme://c'}}")
    settings = load_settings(config)
    assert (settings.bridge_url, settings.store_url, settings.checkpointer_url) == ("acme://b", "acme://s", "acme://c")
    config.write_text("{langgraph_store: {url: 'acme://b'}}")
    with pytest.raises(ConfigError, match="no known scheme"):
        load_settings(config)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("wrong://x", r"opened by acme_back_ends:wrong of acme-back-ends, which gave a str and no Bridge"),
        ("broken://x", r"acme_back_ends:broken .*, which raised OSError: no such cluster"),
        ("absent://x", r"which raised ModuleNotFoundError: .*acme_back_ends_absent"),
        ("acne://x", r"did you mean 'acme'.*allowed: .*memory://name, .*absent://, acme://"),
        ("acme", r"bridge\.url: 'acme' has no known scheme"),
    ],
)
def test_what_is_wrong_is_said(acme: Path, url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        open_bridge(url)


def test_an_unknown_scheme_names_what_is_known(acme: Path, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    for section, group in (("bridge", "bridges"), ("store", "stores"), ("checkpointer", "checkpointers")):
        config.write_text(f"{{{section}: {{url: 'acmee://x'}}}}")
        with pytest.raises(ConfigError, match=rf"'acme'.*allowed: sqlite://.*acme://.*perdure\.{group}"):
            load_settings(config)
    for open_one, allowed in (
        (
            open_bridge,
            r"sqlite:///relative/path, sqlite:////absolute/path, .*redis://host, .*absent://, acme",
        ),
        (open_checkpoints, r"sqlite:///file, memory://, postgresql://host/database, acme://"),
        (open_store, r"sqlite://, postgresql://, acme://"),
    ):
        said = rf"\.url: 'acmee://x' has no known scheme \(did you mean 'acme'\?\); allowed: {allowed}"
        with pytest.raises(ConfigError, match=said):
            open_one("acmee://x")


@pytest.mark.parametrize("open_one", [open_bridge, open_checkpoints, open_store, open_node_store, open_node_cache])
def test_an_error_names_no_password(open_one: Callable[[str], object]) -> None:
    with pytest.raises(ConfigError, match=r"'mongo://user:\*\*\*@host:1/x\?a=b' has no known scheme"):
        open_one("mongo://user:p@ss@host:1/x?a=b")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///"])
def test_a_known_scheme_without_its_form_is_told_the_form(url: str) -> None:
    with pytest.raises(ConfigError, match=f"checkpointer.url: '{url}' is not written as one of these: sqlite:///file"):
        open_checkpoints(url)


def test_ours_are_found_without_a_look_at_what_is_installed() -> None:
    program = """
import importlib.metadata as metadata
from perdure.contracts.settings import BridgeSettings
from perdure.bridge import open_bridge
metadata.entry_points = None
BridgeSettings(url="memory://")
open_bridge("memory://")
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    assert Settings().bridge_url.startswith("sqlite:")
