"""Workers that shut down and come back each second: runs go on as bare LangGraph's do, and never stand still."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from support.graphs import Shelf

from perdure import RunScope, RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.settings import RunSettings
from perdure.contracts.types import METADATA_EVENT

STEPS, RUNS = 30, 3
STANDSTILL = 10.0
"""Seconds, at most, beyond those for which there is no worker: a workflow's task may be lost with its worker, which
Temporal waits for (`worker.sticky_timeout`), and on a busy machine a worker takes a while to come back."""


def _steps(effects: list[tuple[str, int, float]]) -> StateGraph[Shelf]:
    """Many short slices, in each of which a node is at work."""

    async def step(state: Shelf, config: RunnableConfig) -> dict[str, Any]:
        await asyncio.sleep(0.05)
        effects.append((config.get("metadata", {})["perdure_run_id"], len(state["log"]), time.monotonic()))
        return {"log": [str(len(state["log"]))]}

    def further(state: Shelf) -> str:
        return END if len(state["log"]) >= STEPS else "step"

    graph = StateGraph(Shelf)
    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", further, ["step", END])
    return graph


@asynccontextmanager
async def _restarting(graph: Any, settings: Settings, *, away: float) -> AsyncGenerator[list[float]]:
    """A worker that stops each second and starts again, `away` seconds later; when it has stopped."""
    stopped: list[float] = []

    async def restart() -> None:
        while True:
            async with Worker(graphs={"steps": graph}, settings=settings):
                await asyncio.sleep(1.0)
            stopped.append(time.monotonic())
            await asyncio.sleep(away)

    restarting = asyncio.create_task(restart())
    try:
        yield stopped
    finally:
        restarting.cancel()
        await asyncio.wait({restarting})


@pytest.mark.parametrize(
    ("others", "away"), [(0, 0.0), (0, 1.5), (1, 0.0), (9, 0.0)], ids=["it alone", "slowly", "two workers", "ten"]
)
async def test_a_worker_that_restarts_each_second(
    runs: RunsFacade, settings: Settings, others: int, away: float
) -> None:
    quick = RunSettings(slice_budget=0.0, heartbeat_timeout=5.0)
    settings = settings.model_copy(update={"runs": quick})
    effects: list[tuple[str, int, float]] = []
    graph = _steps(effects)
    async with AsyncExitStack() as stack:
        for _ in range(others):
            await stack.enter_async_context(Worker(graphs={"steps": graph}, settings=settings))
        stopped = await stack.enter_async_context(_restarting(graph, settings, away=away))
        records = [
            await runs.create_background(
                RunSpec(
                    assistant_id="steps", scope=RunScope(thread_id=f"t{number}-{settings.temporal.task_queue}"),
                    input={"log": []}, runnable_config={"recursion_limit": STEPS + 1},
                )
            )
            for number in range(RUNS)
        ]  # fmt: skip
        async with asyncio.timeout(100):
            results = [await runs.join_wait(record.run_id) for record in records]
    for record, result in zip(records, results, strict=True):
        assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": [str(n) for n in range(STEPS)]})
        done = [(number, at) for run_id, number, at in effects if run_id == record.run_id]
        assert [number for number, _ in done] == [*range(STEPS)]  # at a boundary, nothing is cut
        gaps = [later - earlier for (_, earlier), (_, later) in pairwise(done)]
        assert max(gaps) < away + STANDSTILL
        events = [event async for event in await runs.join_stream(record.run_id)]
        attempts = [event.data["attempt"] for event in events if event.event == METADATA_EVENT]
        assert attempts == [*range(1, len(attempts) + 1)]
        assert len(attempts) <= 1 + len(stopped)
