"""What a run must come to: its graph in bare LangGraph, uninterrupted and without its pauses."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from support.bare import bare
from support.comparison import Seen
from support.workers import GRAPHS

from perdure.activities.graphs.run_config import run_config

from .wild import INPUT, WildRun, answers
from .work import Line, read_work


@dataclass(frozen=True, slots=True)
class Reference:
    """Events, final state, and the work of the nodes."""

    events: list[Seen]
    values: Any
    work: list[Line]


async def reference(run: WildRun) -> Reference:
    """Of the graph, the stream modes and the answers of a run."""
    effects = run.folder / f"{run.run_id}.bare"
    config = run_config(run.spec(runnable_config=run.config(effects, 0.0)), run.run_id, run.thread_id)
    graph = load_graphs().make(config)
    events, values = await bare(graph, INPUT, config, run.modes, subgraphs=run.subgraphs, answer=answers)
    return Reference(events, values, read_work(effects))


@cache
def load_graphs() -> ModuleType:
    """The module of the random graphs, loaded by its path as a worker does it."""
    spec = importlib.util.spec_from_file_location("chaos_wild_graphs", GRAPHS / "wild.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module  # where LangGraph looks up the types of a state
    spec.loader.exec_module(module)
    return module
