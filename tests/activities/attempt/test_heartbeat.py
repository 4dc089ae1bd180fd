"""A run whose graph is silent, or blocks the event loop, is not taken for lost; what it waits for is told."""

from __future__ import annotations

import asyncio
import dataclasses
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from support.graphs import count_to, counting
from support.servers import until
from support.workers import WorkerProcess
from temporalio.client import AsyncActivityCancelledError, Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

import perdure
from perdure import RunScope, RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.activities.attempt.heartbeat import Heartbeat, Pulse, heartbeating, marked
from perdure.blocking import sqlite_thread
from perdure.bridge.sqlite import file
from perdure.contracts.settings import RunSettings


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[WorkerProcess]:
    """Of its own process, so that a node does not block the test's event loop. It has a second to be heard of."""
    process = WorkerProcess(settings, {"quiet": "quiet.py:graph"})
    yield process
    process.kill()


async def test_neither_silence_nor_a_blocked_event_loop_is_a_failure(
    runs: RunsFacade, worker: WorkerProcess, tmp_path: Path
) -> None:
    async def begun(how: str) -> str:
        effects = tmp_path / how
        given: dict[str, Any] = {"how": how, "seconds": 3.0, "effects": str(effects), "log": []}
        record = await runs.create_background(
            RunSpec(assistant_id="quiet", scope=RunScope(kind="stateless"), input=given)
        )
        await until(effects.exists)
        return record.run_id

    ways = ("waits", "in_a_thread", "blocks")  # the last one silences them all
    run_ids = [await begun(how) for how in ways]
    for run_id in run_ids:
        await runs.join_wait(run_id)
        record = await runs.get_run(run_id)
        assert record is not None
        assert (record.status, record.attempt) == (RunStatus.SUCCESS, 1)
    assert {how: (tmp_path / how).read_text() for how in ways} == dict.fromkeys(ways, "began\n")


class FakeClient:
    """Counts the heartbeats that do not come from the event loop."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.beats: list[tuple[Any, ...]] = []
        self._fault = fault

    def get_async_activity_handle(self, *, task_token: bytes) -> FakeClient:
        assert task_token == b"test"
        return self

    async def heartbeat(self, *details: Any, rpc_timeout: timedelta) -> None:
        self.beats.append(details)
        if self._fault is not None:
            raise self._fault


async def in_activity(work: Callable[[Heartbeat], Any], client: FakeClient, *, timeout: float) -> list[Any]:
    """Do `work` in an activity with this heartbeat timeout (seconds); the details of the event loop's heartbeats."""
    environment, sent = ActivityEnvironment(), list[Any]()
    environment.info = dataclasses.replace(environment.info, heartbeat_timeout=timedelta(seconds=timeout))
    environment.on_heartbeat = lambda *details: sent.append(details)

    async def run() -> None:
        with Pulse(cast("Client", client)) as pulse:
            async with heartbeating(pulse) as heartbeat:
                await asyncio.sleep(0)
                await work(heartbeat)

    await environment.run(run)
    return sent


async def test_while_the_event_loop_moves_only_it_sends_heartbeats() -> None:
    client = FakeClient()
    sent = await in_activity(lambda _: asyncio.sleep(2), client, timeout=3)
    assert (len(sent), client.beats) == (2, [])  # none at the start


async def test_while_the_event_loop_stands_still_a_thread_sends_them_with_what_was_said() -> None:
    client = FakeClient()

    async def block(heartbeat: Heartbeat) -> None:
        heartbeat.say("waits for the tide")
        time.sleep(1)  # noqa: ASYNC251 - that is the point

    await in_activity(block, client, timeout=1)
    assert 1 <= len(client.beats) <= 4, "once in an interval, and a bit"
    assert set(client.beats) == {("waits for the tide",)}


async def test_nothing_is_sent_for_a_finished_activity() -> None:
    client = FakeClient()
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, heartbeat_timeout=timedelta(seconds=0.2))

    async def run(pulse: Pulse) -> None:
        async with heartbeating(pulse):
            await asyncio.sleep(0)

    with Pulse(cast("Client", client)) as pulse:
        await environment.run(run, pulse)
        time.sleep(0.5)  # noqa: ASYNC251 - that is the point
    assert client.beats == []


@pytest.mark.parametrize(
    "fault", [RPCError("away", RPCStatusCode.UNAVAILABLE, b""), AsyncActivityCancelledError(), ValueError("codec")]
)
async def test_a_heartbeat_that_fails_is_followed_by_others(fault: Exception) -> None:
    client = FakeClient(fault)

    async def block(_: Heartbeat) -> None:
        time.sleep(1)  # noqa: ASYNC251 - that is the point

    await in_activity(block, client, timeout=0.8)
    assert len(client.beats) > 1


async def test_the_thread_ends_with_its_worker() -> None:
    before = set(threading.enumerate())
    stuck = asyncio.Event()

    class Stuck(FakeClient):
        async def heartbeat(self, *details: Any, rpc_timeout: timedelta) -> None:
            self.beats.append(details)
            await stuck.wait()

    async def block(_: Heartbeat) -> None:
        time.sleep(0.5)  # noqa: ASYNC251 - that is the point

    client = Stuck()
    await in_activity(block, client, timeout=0.5)
    assert len(client.beats) == 1
    assert set(threading.enumerate()) <= before


async def test_a_run_that_waits_for_its_bridge_says_so_in_the_ui(
    settings: Settings, temporal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (file, sqlite_thread):
        monkeypatch.setattr(module, "BUSY_TIMEOUT", 0.2)
    client = await Client.connect(temporal)

    async def said() -> list[str]:
        described = await client.get_workflow_handle(f"run-{record.run_id}").describe()
        (pending,) = described.raw_description.pending_activities
        return await client.data_converter.decode(pending.heartbeat_details.payloads)

    async def waits() -> bool:
        return [text.partition(": ")[0] for text in await said()] == ["waits for its bridge"]

    async def waits_no_more() -> bool:
        return await said() == []

    one_slice = settings.model_copy(update={"runs": RunSettings(heartbeat_timeout=1.0, slice_budget=1000.0)})
    async with Worker(graphs={"counting": counting()}, settings=settings), perdure.connect(settings=one_slice) as runs:
        spec = RunSpec(assistant_id="counting", scope=RunScope(kind="stateless"), input=count_to(1000, 0.05))
        record, stream = await runs.create_and_stream(spec)
        async for event in stream:
            if event.event == "values":
                break
        assert await waits_no_more()
        with closing(sqlite3.connect(settings.home / "bridge.db", isolation_level=None)) as locker:
            locker.execute("BEGIN IMMEDIATE")
            await until(waits)
        await until(waits_no_more)
        await runs.cancel(record.run_id)
        assert (await runs.join_wait(record.run_id)).status is RunStatus.INTERRUPTED


@pytest.mark.parametrize(
    ("details", "number"),
    [((), None), (("waits",), None), (("", "q-1", "3"), 3), (("waits", "q-2", "3"), None)],
)
def test_an_attempt_finds_the_mark_of_one_before_it(details: tuple[str, ...], number: int | None) -> None:
    info = dataclasses.replace(ActivityEnvironment.default_info(), heartbeat_details=details)
    assert marked(info, "q-1") == number
