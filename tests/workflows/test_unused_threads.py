"""Threads that nobody uses are removed by their workflows; what is in use, or was used since, stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from datetime import UTC, datetime

import pytest
from support.graphs import count_to, counting
from support.rows import Rows, thread_rows
from support.servers import until

from perdure import RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.retention_settings import RetentionSettings
from perdure.runtime.client import LazyTemporal
from perdure.runtime.housekeeping import Pace
from perdure.runtime.retention import Retention
from perdure.runtime.retiring import opened_retention

Spec = Callable[..., RunSpec]
NOTHING: Rows = {}


def old(settings: Settings, **keep: float) -> Settings:
    return settings.model_copy(update={"retention": RetentionSettings(**keep)})


@pytest.fixture
async def retention(settings: Settings) -> AsyncIterator[Retention]:
    async with opened_retention(old(settings, threads=1e-6), LazyTemporal(settings), dry=False) as retention:
        yield retention


async def test_a_thread_that_nobody_uses_goes_and_one_in_use_stays(
    runs: RunsFacade, worker: Worker, settings: Settings, spec: Spec, retention: Retention
) -> None:
    ended, _ = await runs.create_and_wait(spec("counting", input=count_to(2)))
    asks, result = await runs.create_and_wait(spec("asking", "asked", input={"log": []}))
    assert result.status is RunStatus.AWAITING_INPUT
    assert (await retention.remove_old()).threads == 1
    assert await runs.get_thread(ended.thread_id) is None
    assert await runs.get_run(ended.run_id) is None
    assert thread_rows(settings, ended.thread_id) == NOTHING
    assert (await runs.get_run(asks.run_id)) is not None
    await runs.resume(asks.run_id, "Ada")
    again, result = await runs.create_and_wait(spec("counting", input=count_to(1)))
    assert (again.thread_id, result.status) == (ended.thread_id, RunStatus.SUCCESS)


@pytest.mark.parametrize("use", ["run", "state", "in line"])
async def test_what_was_used_since_it_was_found_stays(
    runs: RunsFacade, worker: Worker, spec: Spec, retention: Retention, use: str
) -> None:
    record, _ = await runs.create_and_wait(spec("counting", input=count_to(2)))
    await until(lambda: has_settled(runs, record.thread_id))
    since = datetime.now(UTC)
    if use == "run":
        await runs.create_and_wait(spec("counting", input=count_to(1)))
    elif use == "state":
        await runs.update_state(record.thread_id, {"count": 7})
    else:
        await runs.create_background(spec("counting", input=count_to(1000, 0.05)))
        since = datetime.now(UTC)
    assert not await retention._remove_thread(record.thread_id, since)  # pyright: ignore[reportPrivateUsage]
    assert await runs.get_run(record.run_id) is not None
    assert await runs.get_state(record.thread_id, stored=True) is not None
    if use == "in line":
        (last, *_) = await runs.list_runs(record.thread_id)
        assert not last.status.terminal
        await runs.cancel(last.run_id)


async def has_settled(runs: RunsFacade, thread_id: str) -> bool:
    thread = await runs.get_thread(thread_id)
    return thread is not None and thread.updated_at < datetime.now(UTC)


async def test_a_deletion_by_hand_meanwhile_removes_what_retention_would_keep(
    runs: RunsFacade, worker: Worker, spec: Spec, retention: Retention
) -> None:
    record, _ = await runs.create_and_wait(spec("counting", input=count_to(2)))
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    remove = retention._remove_thread  # pyright: ignore[reportPrivateUsage]
    _, deleted = await asyncio.gather(remove(record.thread_id, long_ago), runs.delete_thread(record.thread_id))
    assert deleted
    assert await runs.get_thread(record.thread_id) is None


async def test_a_worker_removes_what_is_old_by_itself(
    runs: RunsFacade, settings: Settings, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.runtime.housekeeping.PACE", Pace(abandoned=0.05, retention=0.1))
    async with Worker(graphs={"counting": counting()}, settings=old(settings, runs=0.5, threads=0.5)):
        record, _ = await runs.create_and_wait(spec("counting", input=count_to(2)))

        async def gone() -> bool:
            return await runs.get_thread(record.thread_id) is None and await runs.get_run(record.run_id) is None

        await until(gone)


async def test_stateless_runs_leave_nothing(runs: RunsFacade, worker: Worker, settings: Settings) -> None:
    spec = RunSpec.model_validate(
        {"assistant_id": "counting", "scope": {"kind": "stateless"}, "input": count_to(2), "on_completion": "keep"}
    )
    record, _ = await runs.create_and_wait(spec)
    async with opened_retention(old(settings, runs=1e-6), LazyTemporal(settings), dry=False) as retention:
        removed = await retention.remove_old()
        assert asdict(removed)["runs"] == 1
    assert await runs.get_thread(record.thread_id) is None
    assert await runs.get_run(record.run_id) is None
    assert thread_rows(settings, record.thread_id) == NOTHING
