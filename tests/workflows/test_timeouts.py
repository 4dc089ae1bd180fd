"""Each timeout ends the run as `timeout`, with its reason, in record, stream and wait; then the thread goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from support.graphs import count_to, counting

from perdure import RunsFacade, RunSpec, RunStatus, Settings, Worker

from .asked import EMPTY, answered, asked
from .graphs import Effects, Log, chain, question, step

Spec = Callable[..., RunSpec]
RUN = "the run took longer than run_timeout (0.3 s)"


def ticking(name: str, effects: Effects) -> Any:
    """A node that is at work for a minute."""

    async def node(state: Log) -> dict[str, Any]:
        for _ in range(3000):
            effects.append(name)
            await asyncio.sleep(0.02)
        return {}

    return node


async def raising(state: Log) -> dict[str, Any]:
    raise TimeoutError("the service does not answer")


async def out_of_time(state: Log) -> dict[str, Any]:
    async with asyncio.timeout(0.01):
        await asyncio.sleep(60)
    return {}


@pytest.fixture
async def effects(settings: Settings) -> AsyncIterator[Effects]:
    effects: Effects = []
    graphs = {
        "counting": counting(),
        "slow": chain(before=step("before", []), ticks=ticking("tick", effects)),
        "after": chain(begins=step("begins", effects), ends=step("ends", effects, 0.2)),
        "asks": chain(ask=question("q", []), more=question("r", [])),
        "raising": chain(node=raising),
        "out-of-time": chain(node=out_of_time),
    }
    async with Worker(graphs=graphs, settings=settings):
        yield effects


async def _check(runs: RunsFacade, run_id: str, reason: str) -> None:
    """All that may be known of the run says that it is out of time, and why."""
    events = [event async for event in await runs.join_stream(run_id)]
    assert [event.event for event in events if event.event in ("end", "error", "cancel")] == ["error"]
    error = {"type": "Timeout", "message": reason}
    assert (events[-1].data["status"], events[-1].data["error"]) == ("timeout", error)
    result, record = await runs.join_wait(run_id), await runs.get_run(run_id)
    assert record is not None
    for found in (result, record):
        assert found.status is RunStatus.TIMEOUT
        assert found.error is not None
        assert found.error.message == reason


async def test_of_a_run_that_executes(runs: RunsFacade, spec: Spec, effects: Effects) -> None:
    record, result = await runs.create_and_wait(spec("slow", input=EMPTY, run_timeout=0.3))
    await _check(runs, record.run_id, RUN)
    assert result.values == {"log": ["before"]}, "what was finished is kept"


async def test_of_a_run_in_line(runs: RunsFacade, spec: Spec, effects: Effects) -> None:
    first = await runs.create_background(spec("counting", input=count_to(1000, 0.05)))
    queued, _ = await runs.create_and_wait(spec("counting", input=count_to(1), run_timeout=0.3))
    await _check(runs, queued.run_id, RUN)
    record = await runs.get_run(queued.run_id)
    assert record is not None
    assert (record.started_at, record.attempt) == (None, 0)
    last = await runs.create_background(spec("counting", input=count_to(1)))
    await runs.cancel(first.run_id)
    assert (await runs.join_wait(last.run_id)).status is RunStatus.SUCCESS


async def test_of_a_run_before_its_start(runs: RunsFacade, spec: Spec, effects: Effects) -> None:
    record, _ = await runs.create_and_wait(spec("after", input=EMPTY, after_seconds=600, run_timeout=0.3))
    await _check(runs, record.run_id, RUN)
    assert effects == []


async def test_of_a_run_that_waits_for_a_human(runs: RunsFacade, spec: Spec, effects: Effects) -> None:
    result = await asked(runs, spec("asks", input=EMPTY, run_timeout=1.5), "q?")
    await _check(runs, result.run_id, "the run took longer than run_timeout (1.5 s)")


async def test_of_a_question(runs: RunsFacade, spec: Spec, effects: Effects) -> None:
    result = await asked(runs, spec("asks", input=EMPTY, awaiting_timeout=1.5), "q?")
    result = await answered(runs, result, "in time")
    await _check(runs, result.run_id, "nobody answered within awaiting_timeout (1.5 s)")
    _, result = await runs.create_and_wait(spec("asks", command={"resume": "late"}))
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["q=in time", "r=late"]})


async def test_of_a_step(runs: RunsFacade, spec: Spec, effects: Effects) -> None:
    began = time.monotonic()
    slow = await runs.create_background(spec("slow", input=EMPTY, step_timeout=0.3))
    _, result = await runs.create_and_wait(spec("after", input=EMPTY))
    assert time.monotonic() - began < 20
    await _check(runs, slow.run_id, "a superstep took longer than step_timeout (0.3 s)")
    assert result.values == {"log": ["before", "begins", "ends"]}
    assert effects[-2:] == ["begins", "ends"], "the graph has stopped before the next run begins"


@pytest.mark.parametrize("graph", ["raising", "out-of-time"])
async def test_a_timeout_of_the_graphs_own_is_an_error(
    runs: RunsFacade, spec: Spec, effects: Effects, graph: str
) -> None:
    _, result = await runs.create_and_wait(spec(graph, input=EMPTY, run_timeout=60, step_timeout=60))
    assert result.status is RunStatus.ERROR
    assert result.error is not None
    assert result.error.type == "TimeoutError"
