"""The record of a run says that no worker is there for it, as long as that is so."""

from __future__ import annotations

import contextlib

import pytest
from support.graphs import asking, count_to, counting

from perdure import RunRecord, RunScope, RunsFacade, RunSpec, RunStatus, Settings, Worker, connect

GRAPHS = {"counting": counting(), "render": counting(), "asking": asking("name?")}


@pytest.fixture
def queue(settings: Settings) -> str:
    return f"gpu-{settings.temporal.task_queue}"


@pytest.fixture
def routed(settings: Settings, queue: str) -> Settings:
    """`render` has a queue of its own."""
    return settings.model_copy(update={"task_queues": {queue: ("render",)}})


def of_graph(graph: str, steps: int = 10_000) -> RunSpec:
    return RunSpec(assistant_id=graph, scope=RunScope(kind="stateless"), input=count_to(steps, 0.05))


async def begun(runs: RunsFacade, graph: str) -> RunRecord:
    record, stream = await runs.create_and_stream(of_graph(graph))
    async with contextlib.aclosing(stream) as events:
        await anext(events)
    return record


async def told(runs: RunsFacade, run_id: str) -> str | None:
    """What its record says that it waits for, which lists say as well."""
    record = await runs.get_run(run_id)
    assert record is not None
    (listed,) = [one for one in await runs.list_runs() if one.run_id == run_id]
    assert listed.trouble == record.trouble
    if record.trouble is None:
        return None
    assert (record.trouble.type, record.trouble.count) == ("NoWorkerError", 0)
    assert record.trouble.since > record.created_at
    return record.trouble.message


async def why(runs: RunsFacade, run: RunRecord) -> str:
    """Why it stands still."""
    record = await runs.get_run(run.run_id)
    assert record is not None
    return (await runs.overview.explain([record]))[run.run_id].text


async def test_of_a_graph_with_a_task_queue_of_its_own(routed: Settings, queue: str) -> None:
    async with Worker(graphs=GRAPHS, settings=routed), connect(settings=routed) as runs:
        async with Worker(graphs=GRAPHS, settings=routed, queues=[queue]):
            record, other = await begun(runs, "render"), await begun(runs, "counting")
            assert await told(runs, record.run_id) is None
        message = await told(runs, record.run_id)
        assert message is not None
        assert message.startswith(f"no worker serves the task queue '{queue}': process ")
        assert " was stopped at " in message
        assert message.endswith(f"; start `perdure worker --queue {queue}`")
        assert await told(runs, other.run_id) is None
        async with Worker(graphs=GRAPHS, settings=routed, queues=[queue]):
            assert await told(runs, record.run_id) is None
            assert await runs.cancel(record.run_id)
            assert (await runs.join_wait(record.run_id)).status is RunStatus.INTERRUPTED


async def test_while_no_worker_is_there_at_all(settings: Settings) -> None:
    async with connect(settings=settings) as runs:
        async with Worker(graphs=GRAPHS, settings=settings):
            record = await begun(runs, "counting")
            waiting, _ = await runs.create_and_wait(of_graph("asking"))
            ended, _ = await runs.create_and_wait(of_graph("counting", steps=1))
        message = await told(runs, record.run_id)
        assert message is not None
        assert message.endswith("; start `perdure worker` (or `perdure dev`)")
        # Neither needs one; but who is about to answer the question is told that nobody would go on with it.
        assert await told(runs, waiting.run_id) is None
        assert await told(runs, ended.run_id) is None
        assert f"; no worker serves the task queue '{settings.temporal.task_queue}': process" in await why(
            runs, waiting
        )
        async with Worker(graphs=GRAPHS, settings=settings):
            assert await told(runs, record.run_id) is None
            assert await why(runs, waiting) == "Awaits an answer: “name?”"
        async with Worker(graphs={"another": counting()}, settings=settings):
            assert "; no worker serves the graph 'asking'; there are: another (" in await why(runs, waiting)


async def test_a_worker_of_a_graph_alone_is_not_enough(routed: Settings, queue: str) -> None:
    async with connect(settings=routed) as runs, Worker(graphs=GRAPHS, settings=routed, queues=[queue]):
        async with Worker(graphs=GRAPHS, settings=routed):
            record = await begun(runs, "render")
        message = await told(runs, record.run_id)
        assert message is not None
        assert message.startswith(f"no worker serves the task queue '{routed.temporal.task_queue}': process ")
        async with Worker(graphs=GRAPHS, settings=routed):
            assert await told(runs, record.run_id) is None
            assert await runs.cancel(record.run_id)
            assert (await runs.join_wait(record.run_id)).status is RunStatus.INTERRUPTED
