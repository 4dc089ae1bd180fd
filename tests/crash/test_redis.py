"""Runs over a Redis that is killed, and that loses its newest writes, under a worker and a reader."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from support.graphs import count_to, counting
from support.redis_faults import RedisFaults
from support.redis_servers import RedisServer, any_server
from support.servers import until
from support.story import STORY, story_spec
from support.streams import under_way
from support.workers import WorkerProcess

import perdure
from perdure import RunScope, RunsFacade, RunSpec, RunStatus, Settings, StreamEvent, Worker
from perdure.bridge.conformance.losses import seen
from perdure.bridge.redis import RedisBridge
from perdure.bridge.stream import LEAP
from perdure.contracts.settings import BridgeSettings, RunSettings
from perdure.runtime.housekeeping import Pace

STEPS = 12


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with any_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def faults(redis: RedisServer) -> RedisFaults:
    return RedisFaults(redis)


@pytest.fixture
async def settings(settings: Settings, redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr("perdure.runtime.housekeeping.PACE", Pace(0.1, 0.5, 0.5, 0.1, losses=0.1))
    return settings.model_copy(update={"bridge": BridgeSettings(url=redis.url)})


@pytest.fixture
async def runs(settings: Settings) -> AsyncIterator[RunsFacade]:
    async with Worker(graphs={"counting": counting()}, settings=settings), perdure.connect(settings=settings) as runs:
        yield runs


def spec(steps: int = STEPS, delay: float = 0.1) -> RunSpec:
    scope = RunScope(kind="stateless")
    return RunSpec(assistant_id="counting", scope=scope, input=count_to(steps, delay), stream_modes=("values",))


async def read(runs: RunsFacade, run_id: str, events: list[StreamEvent]) -> None:
    async for event in await runs.join_stream(run_id):
        events.append(event)


def steps_of(events: list[StreamEvent]) -> list[int]:
    return [len(event.data["log"]) for event in events if event.event == "values"]


async def test_a_restarted_server_loses_nothing(runs: RunsFacade, faults: RedisFaults) -> None:
    records = [await runs.create_background(spec()) for _ in range(3)]
    live: list[list[StreamEvent]] = [[] for _ in records]
    async with asyncio.TaskGroup() as reading:
        for record, events in zip(records, live, strict=True):
            reading.create_task(read(runs, record.run_id, events))
        for place in (2, 6):
            await until(lambda place=place: all(len(events) > place for events in live))
            await faults.restart()
    for record, events in zip(records, live, strict=True):
        assert seen(events) == [*range(1, len(events) + 1)], "dense, and nothing announced"
        assert steps_of(events) == [*range(STEPS + 1)]
        assert [event.event for event in events[:1] + events[-1:]] == ["metadata", "end"]
        assert (await runs.join_wait(record.run_id)).status is RunStatus.SUCCESS
        assert [event async for event in await runs.join_stream(record.run_id)] == events


@pytest.mark.parametrize("from_the_start", [False, True])
async def test_a_power_cut_loses_events_and_no_run(runs: RunsFacade, faults: RedisFaults, from_the_start: bool) -> None:
    before, live = (await runs.create_background(spec())).run_id, list[StreamEvent]()
    reading = asyncio.create_task(read(runs, before, live))
    await until(lambda: len(live) > 3)
    async with faults.power_cut():
        run_id = (await runs.create_background(spec())).run_id if from_the_start else before
        events = list[StreamEvent]() if from_the_start else live
        following = asyncio.create_task(read(runs, run_id, events)) if from_the_start else reading
        await until(lambda: len(events) > 6)
    await asyncio.gather(reading, following)
    for found in (live, events):
        seen(found)
        steps = steps_of(found)
        assert steps == sorted({*steps})
        # A superstep takes a tenth of a second, so that no two are on their way to a reader in the moment of the cut.
        assert len({*range(STEPS + 1)} - {*steps}) <= 1, "who had seen what was lost misses nothing"
        assert found[-1].event == "end"
    again = [event async for event in await runs.join_stream(run_id)]
    assert seen(again) != seen(events), "something was lost"
    assert again[-1] == events[-1]
    assert (await runs.join_wait(run_id)).status is RunStatus.SUCCESS


async def test_worker_and_server_die_at_once(settings: Settings, faults: RedisFaults, tmp_path: Path) -> None:
    # One slice: what is killed between two of them is waited for by Temporal, for ten seconds.
    one_slice = RunSettings(heartbeat_timeout=1.0, slice_budget=60.0)
    settings = settings.model_copy(update={"runs": one_slice})
    worker = WorkerProcess(settings, STORY)
    try:
        async with perdure.connect(settings=settings) as runs:
            story = story_spec(f"thread-{uuid.uuid4()}", tmp_path / "effects", rounds=2, delay=0.1)
            run_id, reading = await under_way(runs, story)
            worker.kill()
            await faults.restart()
            worker.start()
            events = await asyncio.wait_for(reading, 40)
            ids = seen(events)
            assert max(ids) > LEAP, "another process cannot know which ids were given"
            announced = [event for event in events if event.event == "metadata"]
            assert [event.data["attempt"] for event in announced] == [1, 2]
            assert int(announced[1].id) > LEAP
            assert events[-1].event == "end"
            assert (await runs.join_wait(run_id)).status is RunStatus.SUCCESS
    finally:
        worker.kill()


async def test_a_lost_end_is_told_again(runs: RunsFacade, faults: RedisFaults, redis: RedisServer) -> None:
    held = (await runs.create_background(spec(steps=1))).run_id
    await runs.join_wait(held)
    async with faults.power_cut():
        run_id = (await runs.create_background(spec(steps=2, delay=0))).run_id
        await runs.join_wait(run_id)
    assert (await runs.join_wait(run_id)).status is RunStatus.SUCCESS
    async with asyncio.timeout(20):
        assert [event.event async for event in await runs.join_stream(run_id)][-1] == "end"
    bridge = RedisBridge(redis.url)
    await bridge.start()
    await until(lambda: _mended(bridge))
    await bridge.close()


async def _mended(bridge: RedisBridge) -> bool:
    return await bridge.losses() is None


async def test_a_lost_lease_is_given_again(
    runs: RunsFacade, faults: RedisFaults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.runtime.losses.LEASE", 0.2)
    async with faults.power_cut():
        attended = spec(steps=1000).model_copy(update={"on_disconnect": "cancel"})
        record, stream = await runs.create_and_stream(attended)
        unattended = await runs.create_background(attended)
        await anext(stream)
    # Its client is there, and renews each 10 s: for these tests that is as good as dead.
    assert (await runs.join_wait(record.run_id)).status is RunStatus.INTERRUPTED
    free = await runs.get_run(unattended.run_id)
    assert free is not None
    assert free.status is RunStatus.RUNNING
    await runs.cancel(unattended.run_id)
    await runs.join_wait(unattended.run_id)
    await stream.aclose()
