"""The whole on Postgres: records, states, streams and LangGraph's store in one database."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from psycopg import sql
from support.graphs import Shelf, asking, count_to, counting
from support.postgres import PostgresServer, started_postgres
from support.servers import until
from support.workers import WorkerProcess

import perdure
from perdure import CancelAction, RunScope, RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.bridge.conformance.losses import seen
from perdure.contracts.settings import BridgeSettings, CheckpointerSettings, NodeStoreSettings, StoreSettings

GATE = {"gate": "gate.py:graph"}
_OF_THREAD = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")


def on_postgres(settings: Settings, url: str) -> Settings:
    """These settings, with all that Postgres can hold in this database."""
    parts = {
        "bridge": BridgeSettings(url=url),
        "store": StoreSettings(url=url),
        "checkpointer": CheckpointerSettings(url=url),
        "langgraph_store": NodeStoreSettings(url=url),
    }
    return settings.model_copy(update=parts)


@pytest.fixture
def settings(settings: Settings, migrated_url: str) -> Settings:
    return on_postgres(settings, migrated_url)


def remembering() -> StateGraph[Shelf]:
    """A node that counts its runs in LangGraph's store, and one that asks."""

    async def remember(state: Shelf, runtime: Runtime[None]) -> dict[str, Any]:
        assert runtime.store is not None
        found = await runtime.store.aget(("runs",), "count")
        count = 1 + (found.value["n"] if found else 0)
        runtime.store.put(("runs",), "count", {"n": count})
        return {"log": [count]}

    graph = StateGraph(Shelf)
    graph.add_node("remember", remember)
    graph.add_edge(START, "remember")
    return graph


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    graphs = {"counting": counting(), "asking": asking("name?"), "remembering": remembering()}
    async with Worker(graphs=graphs, settings=settings) as worker:
        yield worker


@pytest.fixture
def spec(settings: Settings) -> Callable[..., RunSpec]:
    """A run of a graph on a thread of this test."""

    def make(graph: str, **fields: Any) -> RunSpec:
        scope = RunScope(thread_id=f"thread-{settings.temporal.task_queue}")
        return RunSpec.model_validate({"assistant_id": graph, "scope": scope, **fields})

    return make


def rows(url: str, thread_id: str) -> dict[str, list[Any]]:
    """All that LangGraph's tables hold of a thread."""
    query = sql.SQL("SELECT * FROM {} WHERE thread_id = {}")
    with psycopg.connect(url) as connection:
        return {
            table: sorted(
                connection.execute(query.format(sql.Identifier(table), sql.Literal(thread_id))).fetchall(), key=repr
            )
            for table in _OF_THREAD
        }


async def test_a_run_a_question_and_its_answer(runs: RunsFacade, worker: Worker, spec: Callable[..., RunSpec]) -> None:
    record, result = await runs.create_and_wait(spec("counting", input=count_to(5)))
    assert (result.status, result.values["log"]) == (RunStatus.SUCCESS, [*range(5)])
    events = [event.event async for event in await runs.join_stream(record.run_id)]
    assert events[-1] == "end"
    asked, result = await runs.create_and_wait(spec("asking", input={"log": []}))
    assert [question.value for question in result.interrupts] == ["name?"]
    await runs.resume(asked.run_id, "Ada")
    result = await runs.join_wait(asked.run_id)
    assert (result.status, result.values["log"][-2:]) == (RunStatus.SUCCESS, ["Ada", "after"])
    thread = await runs.get_thread(record.thread_id)
    assert (thread and thread.status) == "idle"
    stored = await runs.get_state(record.thread_id, stored=True)
    assert stored is not None
    assert stored.values["log"] == result.values["log"]
    assert [listed.run_id for listed in await runs.list_runs(record.thread_id)] == [asked.run_id, record.run_id]


async def test_nodes_and_programs_share_langgraphs_store(
    runs: RunsFacade, worker: Worker, spec: Callable[..., RunSpec]
) -> None:
    for number in (1, 2):
        _, result = await runs.create_and_wait(spec("remembering", input={"log": []}))
        assert result.values["log"][-1] == number
    item = await runs.store.aget(("runs",), "count")
    assert item is not None
    assert item.value == {"n": 2}


async def test_a_rollback_leaves_every_row_as_it_was(
    runs: RunsFacade, worker: Worker, spec: Callable[..., RunSpec], migrated_url: str
) -> None:
    first, _ = await runs.create_and_wait(spec("counting", input=count_to(2)))
    before = rows(migrated_url, first.thread_id)
    record, stream = await runs.create_and_stream(spec("counting", input=count_to(1000, 0.02)))
    async with stream:
        async for event in stream:
            if event.event == "values" and len(event.data["log"]) > 4:
                break
    assert await runs.cancel(record.run_id, action=CancelAction.ROLLBACK)
    assert (await runs.join_wait(record.run_id)).status is RunStatus.ROLLED_BACK
    assert rows(migrated_url, first.thread_id) == before


@pytest.fixture
def workers(settings: Settings) -> Iterator[list[WorkerProcess]]:
    """Two that start at once, in a database without checkpoints."""
    processes: list[WorkerProcess] = []
    for number in range(2):
        own = settings.model_copy(update={"home": settings.home / f"worker {number}"})
        processes.append(WorkerProcess(own, GATE, {"PERDURE_BRIDGE__URL": settings.bridge_url}))
    yield processes
    for process in processes:
        process.kill()


async def test_a_killed_worker_is_taken_over(
    workers: list[WorkerProcess],
    settings: Settings,
    spec: Callable[..., RunSpec],
    tmp_path: Path,
    postgres: PostgresServer,
    migrated_url: str,
) -> None:
    """And everybody's connections are cut meanwhile, as a restart of Postgres does."""
    gate, effects = tmp_path / "gate", tmp_path / "effects"
    place = {"configurable": {"gate": str(gate), "effects": str(effects)}}
    async with perdure.connect(settings=settings) as runs:
        record = await runs.create_background(spec("gate", input={"log": []}, runnable_config=place))
        await until(lambda: effects.exists() and "waits" in effects.read_text())
        (holder,) = [worker for worker in workers if f"{worker.pid} waits" in effects.read_text()]
        (other,) = [worker for worker in workers if worker is not holder]
        holder.kill()
        postgres.cut(migrated_url)
        await until(lambda: f"{other.pid} waits" in effects.read_text())
        gate.touch()
        result = await runs.join_wait(record.run_id)
        assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["wait", "after"]})
        assert effects.read_text().count("after") == 1
        events = [event async for event in await runs.join_stream(record.run_id)]
        assert seen(events) == [*range(1, len(events) + 1)], "dense, and nothing announced"
        assert [event.data["attempt"] for event in events if event.event == "metadata"] == [1, 2]
        found = await runs.get_run(record.run_id)
        assert found is not None
        assert found.attempt == 2


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["restarted", "crashed"])
async def test_postgres_goes_and_comes_back_under_a_run(
    settings: Settings, spec: Callable[..., RunSpec], how: signal.Signals
) -> None:
    """No superstep is lost, none is there twice."""
    with started_postgres() as server:
        settings = on_postgres(settings, server.url())
        async with (
            Worker(graphs={"counting": counting()}, settings=settings),
            perdure.connect(settings=settings) as runs,
        ):
            record, stream = await runs.create_and_stream(spec("counting", input=count_to(60, 0.02)))
            async with stream:
                async for event in stream:
                    if event.event == "values" and len(event.data["log"]) == 10:
                        break
                await asyncio.to_thread(server.stop, how)
                await asyncio.sleep(0.5)
                await asyncio.to_thread(server.start)
                said = [event.data["log"] async for event in stream if event.event == "values"]
            assert said == [[*range(steps)] for steps in range(11, 61)]
            events = [event async for event in await runs.join_stream(record.run_id)]
            assert seen(events) == [*range(1, len(events) + 1)], "dense, and nothing announced"
            result = await runs.join_wait(record.run_id)
            assert (result.status, result.values["log"]) == (RunStatus.SUCCESS, [*range(60)])
