"""A new version of the workers is deployed under runs that go and runs that wait, by Temporal's worker versioning."""

from __future__ import annotations

import asyncio
import operator
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from support.graphs import asking
from support.servers import until
from temporalio.client import Client

from perdure import RunScope, RunsFacade, RunSpec, RunStatus, Settings, Worker, connect
from perdure.contracts.wire import run_workflow_id
from perdure.contracts.worker_settings import VersioningSettings
from perdure.runtime.check import Check
from perdure.runtime.connection import connect_temporal
from perdure.runtime.versioning import check_version, make_current, version_of

TEMPORAL = Path(sys.prefix) / "bin" / "temporal"
EACH = 20
STEPS = 10
STATELESS = RunScope(kind="stateless")


class Steps(TypedDict):
    log: Annotated[list[int], operator.add]


def stepping(executed: Counter[tuple[str, int]]) -> StateGraph[Steps]:
    """Half a second a step; `executed` counts each step of each thread."""

    async def work(state: Steps, config: RunnableConfig) -> dict[str, Any]:
        step = len(state["log"])
        executed[str(config.get("configurable", {})["thread_id"]), step] += 1
        await asyncio.sleep(0.5)
        return {"log": [step]}

    def on(state: Steps) -> str:
        return END if len(state["log"]) >= STEPS else "work"

    graph = StateGraph(Steps)
    graph.add_node("work", work)
    graph.add_edge(START, "work")
    graph.add_conditional_edges("work", on, ["work", END])
    return graph


def versioned(settings: Settings, build_id: str) -> Settings:
    versioning = VersioningSettings(deployment=f"deploy-{settings.temporal.task_queue}", build_id=build_id)
    worker = settings.worker.model_copy(update={"versioning": versioning})
    runs = settings.runs.model_copy(update={"slice_budget": 1.0})  # forty runs at once on a small machine
    return settings.model_copy(update={"worker": worker, "runs": runs})


async def found(client: Client, settings: Settings) -> Check:
    version = version_of(settings)
    assert version is not None
    return await check_version(client, version)


async def deploy(client: Client, settings: Settings) -> None:
    """By the very command of `perdure doctor`, once the server knows the version."""
    version = version_of(settings)
    assert version is not None
    program, *arguments = make_current(client, version).split()
    assert program == "temporal"

    async def is_current() -> bool:
        process = await asyncio.create_subprocess_exec(
            TEMPORAL, *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        return await process.wait() == 0

    await until(is_current)


async def statuses(runs: RunsFacade, run_ids: list[str]) -> set[RunStatus]:
    records = [await runs.get_run(run_id) for run_id in run_ids]
    return {record.status for record in records if record is not None}


async def begin(runs: RunsFacade, graph: str, count: int) -> list[str]:
    spec = RunSpec(assistant_id=graph, scope=STATELESS, input={"log": []})
    return [record.run_id for record in await asyncio.gather(*(runs.create_background(spec) for _ in range(count)))]


async def test_runs_that_go_and_runs_that_wait_go_over_to_the_next_version(settings: Settings) -> None:
    one, two = versioned(settings, "one"), versioned(settings, "two")
    executed: Counter[tuple[str, int]] = Counter()
    graphs = {"stepping": stepping(executed), "asking": asking("name?")}
    client = await connect_temporal(settings)
    assert "no worker of it has started yet" in (await found(client, one)).detail
    async with connect(settings=one) as runs:
        async with Worker(graphs=graphs, settings=settings):  # without versioning, as they all were before
            waiting = await begin(runs, "asking", 5)
            await until(lambda: _all(runs, waiting, RunStatus.AWAITING_INPUT))
        async with Worker(graphs=graphs, settings=one):
            await until(lambda: _says(client, one, "no current version"))
            await deploy(client, one)
            await until(lambda: _says(client, one, "runs go to"))
            waiting += await begin(runs, "asking", EACH - len(waiting))
            await until(lambda: _all(runs, waiting, RunStatus.AWAITING_INPUT))
            going = await begin(runs, "stepping", EACH)
            await until(lambda: len({thread for thread, _ in executed}) == EACH)
            later = Worker(graphs=graphs, settings=two)
            serving = asyncio.create_task(later.run())
            await deploy(client, two)
            assert await statuses(runs, going) == {RunStatus.RUNNING}, "they go on while it is deployed"
            assert (await found(client, one)).level == "warn", "the settings of the old ones"
        try:
            await asyncio.gather(*(runs.resume(run_id, "Ann") for run_id in waiting))
            answered = await asyncio.gather(*map(runs.join_wait, waiting))
            done = await asyncio.gather(*map(runs.join_wait, going))
        finally:
            later.stop()
            await serving
    assert {(result.status, *result.values["log"]) for result in answered} == {(RunStatus.SUCCESS, "Ann", "after")}
    assert {(result.status, *result.values["log"]) for result in done} == {(RunStatus.SUCCESS, *range(STEPS))}
    assert set(executed.values()) == {1}, "no step was executed twice"
    assert {await builds(client, run_id) for run_id in (*waiting, *going)} == {"two"}


async def _says(client: Client, settings: Settings, text: str) -> bool:
    return text in (await found(client, settings)).detail


async def _all(runs: RunsFacade, run_ids: list[str], status: RunStatus) -> bool:
    return await statuses(runs, run_ids) == {status}


async def builds(client: Client, run_id: str) -> str:
    """The version at which the run's workflow ended."""
    described = await client.get_workflow_handle(run_workflow_id(run_id)).describe()
    return described.raw_description.workflow_execution_info.versioning_info.deployment_version.build_id
