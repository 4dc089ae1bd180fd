"""The example graphs, loaded by path as `langgraph.json` names them, on a checkpointer in memory."""

# LangGraph is only partly typed.
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph.state import CompiledStateGraph

ROOT = Path(__file__).resolve().parents[2]
# What `"dependencies": ["."]` of langgraph.json says; a graph file does it for itself, test modules need it earlier.
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))


def load_module(name: str) -> ModuleType:
    path, _, _ = json.loads((ROOT / "langgraph.json").read_text())["graphs"][name].rpartition(":")
    spec = importlib.util.spec_from_file_location(f"example_{name}", ROOT / path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_graph(name: str) -> CompiledStateGraph[Any, Any, Any, Any]:
    return load_module(name).graph.copy(update={"checkpointer": InMemorySaver()})


@pytest.fixture(autouse=True)
def quick_scripted_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESEARCH_TOKEN_DELAY", "0")
    monkeypatch.delenv("PERDURE_MODEL", raising=False)


@pytest.fixture(scope="session")
def agent() -> ModuleType:
    return load_module("research")


@pytest.fixture
def research() -> CompiledStateGraph[Any, Any, Any, Any]:
    return load_graph("research")


@pytest.fixture
def counting() -> CompiledStateGraph[Any, Any, Any, Any]:
    return load_graph("counting")


@pytest.fixture
def approval() -> CompiledStateGraph[Any, Any, Any, Any]:
    return load_graph("approval")
