"""Graphs that execute on a task queue of their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.graphs import asking, count_to, counting
from support.servers import until
from temporalio.client import Client

from perdure import (
    ConfigError,
    NoWorkerError,
    RunScope,
    RunSpec,
    RunStatus,
    Settings,
    Worker,
    connect,
)
from perdure.contracts.wire import ACTIVITY_RUN_SUPERSTEPS, run_workflow_id
from perdure.contracts.worker_settings import PollerSettings, WorkerSettings
from perdure.runtime.connection import connect_temporal
from perdure.runtime.doctor import check_workers

Spec = Callable[..., RunSpec]
GRAPHS = {"counting": counting(), "render": counting(), "asking": asking("name?")}


@pytest.fixture
def queue(settings: Settings) -> str:
    return f"gpu-{settings.temporal.task_queue}"


@pytest.fixture
def routed(settings: Settings, queue: str) -> Settings:
    """`render` and `asking` have a queue of their own. A short wait, where nobody is to come."""
    temporal = settings.temporal.model_copy(update={"submit_timeout": 1.0})
    return settings.model_copy(update={"task_queues": {queue: ("render", "asking")}, "temporal": temporal})


async def scheduled(client: Client, run_id: str) -> list[tuple[str, str]]:
    """Each activity of the run, and its task queue."""
    handle = client.get_workflow_handle(run_workflow_id(run_id))
    found = [event.activity_task_scheduled_event_attributes async for event in handle.fetch_history_events()]
    return [(one.activity_type.name, one.task_queue.name) for one in found if one.activity_id]


def of_graph(graph: str, **fields: object) -> RunSpec:
    stateless = RunScope(kind="stateless")
    return RunSpec.model_validate({"assistant_id": graph, "scope": stateless, "input": count_to(3), **fields})


async def test_its_slices_are_there_and_those_of_others_are_not(routed: Settings, queue: str) -> None:
    common = routed.temporal.task_queue
    async with (
        Worker(graphs=GRAPHS, settings=routed),
        Worker(graphs=GRAPHS, settings=routed, queues=[queue]),
        connect(settings=routed) as runs,
    ):
        client = await connect_temporal(routed)
        for graph, where in {"render": queue, "counting": common}.items():
            record, result = await runs.create_and_wait(of_graph(graph))
            assert result.status is RunStatus.SUCCESS
            slices = {at for name, at in await scheduled(client, record.run_id) if name == ACTIVITY_RUN_SUPERSTEPS}
            assert slices == {where}


async def test_a_question_and_its_answer(routed: Settings, queue: str, spec: Spec) -> None:
    async with (
        Worker(graphs=GRAPHS, settings=routed),
        Worker(graphs=GRAPHS, settings=routed, queues=[queue]),
        connect(settings=routed) as runs,
    ):
        record, asked = await runs.create_and_wait(spec("asking", input={"log": []}))
        assert asked.status is RunStatus.AWAITING_INPUT
        await runs.resume(record.run_id, "Ann")
        result = await runs.join_wait(record.run_id)
        assert (result.status, result.values["log"]) == (RunStatus.SUCCESS, ["Ann", "after"])


async def test_without_a_worker_there_a_run_is_refused_with_the_command(routed: Settings, queue: str) -> None:
    async with Worker(graphs=GRAPHS, settings=routed), connect(settings=routed) as runs:
        with pytest.raises(NoWorkerError, match=rf"graph 'render' on its task queue .*perdure worker --queue {queue}"):
            await runs.create_background(of_graph("render"))
        assert not await runs.list_runs("thread")
        check = await check_workers(await connect_temporal(routed), routed)
        assert (check.level, check.advice) == ("fail", f"start `perdure worker --queue {queue}`")


async def test_a_worker_that_has_the_graph_elsewhere_does_not_count(
    routed: Settings, settings: Settings, queue: str
) -> None:
    async with Worker(graphs=GRAPHS, settings=settings), connect(settings=routed) as runs:
        with pytest.raises(NoWorkerError, match=queue):
            await runs.create_background(of_graph("render"))


async def test_who_does_not_know_of_the_queue_gets_there_all_the_same(
    routed: Settings, settings: Settings, queue: str
) -> None:
    async with (
        Worker(graphs=GRAPHS, settings=routed),
        Worker(graphs=GRAPHS, settings=routed, queues=[queue]),
        connect(settings=settings) as runs,
    ):
        _, result = await runs.create_and_wait(of_graph("render"))
    assert result.status is RunStatus.SUCCESS


async def test_a_stopping_worker_hands_its_runs_to_the_next_of_the_queue(routed: Settings, queue: str) -> None:
    async with Worker(graphs=GRAPHS, settings=routed), connect(settings=routed) as runs:
        async with Worker(graphs=GRAPHS, settings=routed, queues=[queue]):
            record, stream = await runs.create_and_stream(of_graph("render", input=count_to(15, 0.1)))
            async for event in stream:
                if event.event == "values" and event.data["log"]:
                    break
        stopped = await runs.get_run(record.run_id)
        assert stopped is not None
        assert stopped.status is RunStatus.RUNNING
        async with Worker(graphs=GRAPHS, settings=routed, queues=[queue]):
            result = await runs.join_wait(record.run_id)
    assert (result.status, result.values["log"]) == (RunStatus.SUCCESS, list(range(15)))


async def test_a_run_that_nobody_serves_any_more_can_be_cancelled(routed: Settings, queue: str) -> None:
    async with Worker(graphs=GRAPHS, settings=routed), connect(settings=routed) as runs:
        async with Worker(graphs=GRAPHS, settings=routed, queues=[queue]):
            record, _ = await runs.create_and_wait(of_graph("asking", input={"log": []}))
        await runs.resume(record.run_id, "Ann")
        client = await connect_temporal(routed)

        async def waits() -> bool:
            return sum(at == queue for _, at in await scheduled(client, record.run_id)) == 2

        await until(waits)
        assert await runs.cancel(record.run_id)
        assert (await runs.join_wait(record.run_id)).status is RunStatus.INTERRUPTED


async def test_another_routing_is_for_the_runs_that_come(routed: Settings, settings: Settings, queue: str) -> None:
    async with Worker(graphs=GRAPHS, settings=routed, queues=[routed.temporal.task_queue, queue]):
        async with connect(settings=routed) as runs:
            record, _ = await runs.create_and_wait(of_graph("asking", input={"log": []}))
        async with connect(settings=settings) as runs:
            await runs.resume(record.run_id, "Ann")
            await runs.join_wait(record.run_id)
        slices = [at for name, at in await scheduled(await connect_temporal(routed), record.run_id) if "steps" in name]
    assert set(slices) == {queue}


async def test_one_worker_may_serve_all_of_them(routed: Settings, queue: str) -> None:
    async with (
        Worker(graphs=GRAPHS, settings=routed, queues=[routed.temporal.task_queue, queue]),
        connect(settings=routed) as runs,
    ):
        for graph in ("render", "counting"):
            _, result = await runs.create_and_wait(of_graph(graph))
            assert result.status is RunStatus.SUCCESS


async def test_with_pollers_that_scale(settings: Settings) -> None:
    scaling = WorkerSettings(pollers=PollerSettings(minimum=2, initial=2, maximum=20), max_concurrent_workflow_tasks=20)
    async with (
        Worker(graphs=GRAPHS, settings=settings.model_copy(update={"worker": scaling})),
        connect(settings=settings) as runs,
    ):
        _, result = await runs.create_and_wait(of_graph("counting"))
    assert result.status is RunStatus.SUCCESS


def test_an_unknown_queue_is_refused(routed: Settings) -> None:
    with pytest.raises(ConfigError, match="unknown task queue 'gpuu'"):
        Worker(graphs=GRAPHS, settings=routed, queues=["gpuu"])
