from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import support.threads
from support.graphs import asking, counting, failing
from support.overlap import Overlap
from support.servers import temporal_command

from perdure import RunScope, RunSpec, Settings, Worker


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    """A worker in this process, with the usual graphs."""
    graphs = {
        "counting": counting(),
        "asking": asking("name?", "age?"),
        "failing": failing(ValueError("no luck")),
        "failing-twice": failing(ValueError("no luck"), times=2),
    }
    async with Worker(graphs=graphs, settings=settings) as worker:
        yield worker


@pytest.fixture
async def overlap(settings: Settings) -> AsyncIterator[Overlap]:
    """A worker in this process, and what the runs of its graph `overlap` have done."""
    overlap = Overlap()
    async with Worker(graphs={"overlap": overlap.graph(), "asking": asking("name?")}, settings=settings):
        yield overlap


@pytest.fixture
def awake() -> Iterator[None]:
    """Every run is started by its thread's workflow, as while the thread is in use."""
    with support.threads.awake():
        yield


@pytest.fixture
def spec(settings: Settings) -> Callable[..., RunSpec]:
    """A run of a graph on a thread of this test."""

    def make(graph: str, thread: str = "thread", **fields: Any) -> RunSpec:
        # All tests share a namespace, so a thread has the test's own queue in its name.
        scope = RunScope(thread_id=f"{thread}-{settings.temporal.task_queue}")
        return RunSpec.model_validate({"assistant_id": graph, "scope": scope, **fields})

    return make


@pytest.fixture
def cli(temporal: str) -> Callable[..., Awaitable[str]]:
    """The real `temporal workflow …`, its output."""

    async def run(*arguments: str) -> str:
        return await temporal_command(temporal, *arguments)

    return run
