"""The writes of a finished task cannot be saved, and that takes a while to show."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from support.graphs import Gate, Shelf

from perdure import RunScope, RunsFacade, RunSpec, RunStatus, Settings, Worker

pytestmark = pytest.mark.files

_SLOW = 0.5
"""Seconds. Other writes of the same superstep must not overtake it."""


@pytest.fixture
def failing_save(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first save of what node `two` has written takes long, and then fails."""
    save, failures = AsyncSqliteSaver.aput_writes, iter([sqlite3.OperationalError("database is locked")])

    async def aput_writes(
        self: AsyncSqliteSaver,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        if ("log", ["two"]) in writes and (failure := next(failures, None)):
            await asyncio.sleep(_SLOW)
            raise failure
        await save(self, config, writes, task_id, task_path)

    monkeypatch.setattr(AsyncSqliteSaver, "aput_writes", aput_writes)


@pytest.mark.parametrize("inside", [pytest.param(False, id="root"), pytest.param(True, id="subgraph")])
async def test_its_superstep_is_not_saved_without_them(
    runs: RunsFacade, settings: Settings, failing_save: None, inside: bool
) -> None:
    line = Gate().graph("one", "two", "three", gate="")
    graph = StateGraph(Shelf)
    graph.add_node("line", line.compile())
    graph.add_edge(START, "line")
    scope = RunScope(thread_id=f"t-{settings.temporal.task_queue}")
    spec = RunSpec(
        assistant_id="line", scope=scope, input={"log": []}, stream_modes=("updates",), stream_subgraphs=True
    )
    async with Worker(graphs={"line": graph if inside else line}, settings=settings):
        record, stream = await runs.create_and_stream(spec)
        events = [event async for event in stream]
    assert (await runs.join_wait(record.run_id)).status is RunStatus.SUCCESS
    updated = [node for event in events if event.event.startswith("updates") for node in event.data]
    assert updated == ["one", "two", "three", *["line"] * inside]
