"""A run whose graph cannot show its state at the end: it has the values that are stored, or says why it has none."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver

from perdure.activities import finalizer
from perdure.activities.finalizer import Finalizer
from perdure.activities.graphs.graph_registry import load_graphs
from perdure.bridge import MemoryBridge
from perdure.checkpoints.memory.checkpoints import MemoryCheckpoints
from perdure.contracts.types import RunScope, RunSpec

from .driving import worker_ends
from .worlds import chain

SPEC = RunSpec(assistant_id="graph", scope=RunScope(thread_id="thread"))


async def look(checkpoints: MemoryCheckpoints) -> Any:
    shown = chain([], "a")
    made = 0

    def factory(config: Any) -> Any:
        nonlocal made
        made += 1
        if made > 1:
            raise RuntimeError("it is away")
        return shown

    graphs = await load_graphs({"graph": factory})
    async with graphs.open("graph", {}, checkpoints.saver) as graph:
        await graph.ainvoke({"log": []}, {"configurable": {"thread_id": "thread"}})
    end = Finalizer(worker_ends(graphs, MemoryBridge(), checkpoints))
    return await end._look(SPEC, "run", "thread")  # pyright: ignore[reportPrivateUsage]


async def test_it_has_the_stored_values() -> None:
    rest = await look(MemoryCheckpoints())
    assert b'"log":["a"]' in rest.completed
    assert rest.unread is None


async def test_it_says_why_it_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreadable(saver: BaseCheckpointSaver[Any], thread_id: str, checkpoint_id: str | None) -> Any:
        raise TypeError("a class that is gone")

    monkeypatch.setattr(finalizer, "read_snapshot", unreadable)
    rest = await look(MemoryCheckpoints())
    assert rest.completed is None
    assert "it is away" in rest.unread.message
    assert "a class that is gone" in rest.unread.message
