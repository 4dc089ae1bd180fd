"""The keys of `langgraph.json` beside `graphs`: honoured, or named in one warning."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from perdure.activities import load_graphs, node_store_config, project_warnings
from perdure.contracts.errors import GraphLoadError
from perdure.contracts.langgraph_json import LangGraphJson, read_langgraph_json

GRAPH = """
import os
from langgraph.graph import START, MessagesState, StateGraph
SEEN = dict(os.environ)
graph = StateGraph(MessagesState).add_node("a", lambda state: {}).add_edge(START, "a").compile()
"""
PYTHON = ".".join(map(str, sys.version_info[:2]))


@pytest.fixture(autouse=True)
def process_of_its_own() -> Iterator[None]:
    """What a test sets and imports is forgotten after it."""
    path, modules, variables = list(sys.path), set(sys.modules), dict(os.environ)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]
    os.environ.clear()
    os.environ.update(variables)


def written(folder: Path, **content: Any) -> Path:
    (folder / "envy.py").write_text(GRAPH)
    path = folder / "langgraph.json"
    path.write_text(json.dumps({"graphs": {"g": "./envy.py:graph"}, **content}))
    return path


def warning(folder: Path, **content: Any) -> str | None:
    found = [*project_warnings(read_langgraph_json(written(folder, **content)))]
    assert len(found) <= 1
    return found[0].partition(": ")[2] if found else None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({}, None),
        ({"$schema": "https://x", "python_version": PYTHON, "dependencies": [".", "langgraph>=1"]}, None),
        ({"store": {"ttl": {"default_ttl": 5, "refresh_on_read": False, "sweep_interval_minutes": 1}}}, None),
        ({"auth": {"path": "./a.py:x", "disable_studio_auth": True}, "http": {"cors": {"max_age": 1}}}, None),
        ({"auth": {"path": "./a.py:x", "disable_studio_auth": False}}, "auth.disable_studio_auth (nobody comes in as"),
        ({"auth": {"path": "./a.py:x", "cache": {}}}, "auth.cache (not supported"),
        ({"http": {"middleware_order": "auth_first"}}, "http.middleware_order (not supported"),
        ({"http": {"cors": {"origins": []}, "configurable_headers": {"only": []}}}, "http.cors.origins (not supported"),
        ({"ui": {}}, "ui (no pages are served)"),
        ({"webhooks": {}}, "webhooks (the settings have webhooks of their own)"),
        ({"checkpointer": {"ttl": {}}}, "checkpointer (the setting checkpointer says where threads are kept;"),
        ({"dockerfile_lines": [], "base_image": "x"}, "dockerfile_lines (no image is built); base_image (no image"),
        ({"pip_config_file": "x"}, "pip_config_file (nothing is installed)"),
        ({"python_version": "3.7"}, f"python_version 3.7 (this is Python {PYTHON})"),
        ({"dependencis": []}, "dependencis (an unknown key (did you mean 'dependencies'?))"),
        ({"store": {"path": "./s.py:x", "indx": {}}}, "store.path (not supported); store.indx (not supported (did you"),
        ({"store": {"ttl": {"omit_expired": True}}}, "store.ttl.omit_expired (not supported)"),
        ({"graphs": {"g": {"path": "./envy.py:graph", "descripton": "x"}}}, "graphs.g.descripton (an unknown key"),
        ({"env": {"PERDURE_HOME": "/x"}}, "env: PERDURE_HOME come too late here"),
        ({"dependencies": ["./gone", "no-such-package>=2"]}, "which is not done here: ./gone, no-such-package>=2"),
    ],
)
def test_what_has_no_effect_is_named(tmp_path: Path, content: dict[str, Any], told: str | None) -> None:
    found = warning(tmp_path, **content)
    assert (found is None) if told is None else (told in (found or ""))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"env": 5}, "env"),
        ({"env": ".env"}, r"env: the file .*\.env does not exist"),
        ({"dependencies": "."}, "dependencies: "),
        ({"store": []}, "store: "),
        ({"store": {"index": {"dims": 0, "embed": "x"}}}, r"store\.index\.dims: "),
        ({"store": {"ttl": {"default_ttl": "soon"}}}, r"store\.ttl\.default_ttl: "),
    ],
)
async def test_a_wrong_value_is_named(tmp_path: Path, content: dict[str, Any], text: str) -> None:
    with pytest.raises(GraphLoadError, match=rf"langgraph\.json: {text}"):
        await load_graphs(written(tmp_path, **content))


@pytest.mark.parametrize("form", ["file", "mapping"])
async def test_variables_are_there_before_the_graphs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv("PROJECT_GIVEN", "by the shell")
    (tmp_path / "my.env").write_text("PROJECT_MODEL='small one'\nPROJECT_GIVEN=by the file\n# nothing\n")
    mapping = {"PROJECT_MODEL": "small one", "PROJECT_GIVEN": "by the file"}
    path = written(tmp_path, env="my.env" if form == "file" else mapping)
    await load_graphs(path)
    seen = sys.modules["perdure_graph_envy"].SEEN
    assert (seen["PROJECT_MODEL"], seen["PROJECT_GIVEN"]) == ("small one", "by the shell")
    (tmp_path / "my.env").write_text("PROJECT_MODEL=large\n")
    await load_graphs(written(tmp_path, env="my.env"))
    assert os.environ["PROJECT_MODEL"] == "large"  # a file may change what a file has set


async def test_local_dependencies_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "libs" / "shelf_of_words").mkdir(parents=True)
    (tmp_path / "libs" / "shelf_of_words" / "__init__.py").write_text("WORD = 'x'\n")
    path = written(tmp_path, dependencies=["./libs"])
    (tmp_path / "envy.py").write_text("from shelf_of_words import WORD\n" + GRAPH)
    assert (await load_graphs(path)).names == ["g"]


@pytest.mark.parametrize(
    ("embed", "text"),
    [
        ("./envy.py:SEEN", "is neither a function nor LangChain's Embeddings"),
        ("./gone.py:x", "does not exist"),
        ("openai:no-such", "'openai:no-such' cannot be loaded: "),
    ],
)
def test_an_embedding_that_cannot_be_loaded(tmp_path: Path, embed: str, text: str) -> None:
    with pytest.raises(GraphLoadError, match=r"store\.index\.embed") as raised:
        node_store_config(read_langgraph_json(written(tmp_path, store={"index": {"dims": 3, "embed": embed}})))
    assert text in str(raised.value)


def test_without_a_file_the_store_is_plain() -> None:
    assert node_store_config(None).index is None


def test_each_key_is_named_once() -> None:
    keys = ("ui", "webhooks", "nonsense")
    told = LangGraphJson(Path("l.json"), {"graphs": {"g": "./a.py:g"}, **dict.fromkeys(keys)}).warning or ""
    assert [told.count(f"{key} (") for key in keys] == [1, 1, 1]
