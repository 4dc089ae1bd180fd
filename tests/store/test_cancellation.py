"""A cancelled call leaves no lock, no half of a write, and no broken connection."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from perdure.blocking import QUICK, uncut
from perdure.contracts.errors import UnavailableError
from perdure.contracts.types import RunRecord, RunSpec, RunStatus
from perdure.store import RunEnding, SqlStore

Make = Callable[..., RunRecord]
Draft = Callable[..., Awaitable[RunRecord]]


@pytest.fixture
async def loop_errors() -> AsyncIterator[list[str]]:
    """What the event loop complains of: tasks that were lost, errors that nobody saw."""
    errors: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: errors.append(str(context["message"])))
    yield errors
    loop.set_exception_handler(None)


async def cancel_after(steps: int, call: Awaitable[object]) -> bool:
    """Cancel, and again at once, after so many steps of the loop; whether the call had ended before."""
    task = asyncio.ensure_future(call)
    for _ in range(steps):
        await asyncio.sleep(0)
    ended = task.done()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    return ended


def assert_unlocked(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None, timeout=0)
    connection.execute("BEGIN IMMEDIATE")
    connection.close()


async def test_a_call_cancelled_at_any_moment_is_whole_and_leaves_no_lock(
    store: SqlStore, make_record: Make, spec: RunSpec, path: Path, loop_errors: list[str]
) -> None:
    steps, ended = 0, False
    spec = spec.model_copy(update={"input": {"question": "why? " * QUICK}})  # so that it goes by way of a thread
    while not ended:
        run_id = f"run-{steps}"
        ended = await cancel_after(steps, store.create(make_record(run_id), spec))
        assert_unlocked(path)
        if await store.get(run_id) is not None:
            assert await store.get_spec(run_id) == spec
        steps += 1
    assert steps > 5
    assert loop_errors == []


async def test_an_ending_cancelled_at_any_moment_is_whole(
    store: SqlStore, draft: Draft, path: Path, loop_errors: list[str]
) -> None:
    steps, ended = 0, False
    long = "values" * QUICK  # so that it goes by way of a thread
    while not ended:
        await draft(run_id := f"run-{steps}")
        ending = RunEnding(RunStatus.SUCCESS, 1, f'"{long}"'.encode())
        ended = await cancel_after(steps, store.finish(run_id, ending, fence=1))
        assert_unlocked(path)
        result = await store.get_result(run_id)
        assert (result.status, result.values) in [(RunStatus.PENDING, None), (RunStatus.SUCCESS, long)]
        steps += 1
    assert steps > 5
    assert loop_errors == []


async def test_a_call_that_waits_for_a_lock_can_be_cancelled(
    store: SqlStore, draft: Draft, path: Path, loop_errors: list[str]
) -> None:
    await draft()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    calls = [asyncio.ensure_future(store.mark_running("run", fence=1, attempt=n)) for n in range(3)]
    await asyncio.sleep(0.05)
    began = time.monotonic()
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    assert time.monotonic() - began < 1
    assert [call.cancelled() for call in calls] == [True] * 3
    other.close()
    assert_unlocked(path)
    stored = await store.get("run")
    assert stored is not None
    assert stored.record.status == RunStatus.PENDING
    assert (await store.mark_running("run", fence=1, attempt=1)).status == RunStatus.RUNNING
    assert loop_errors == []


async def test_a_timeout_ends_a_call_and_not_the_store(store: SqlStore, draft: Draft, path: Path) -> None:
    await draft()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await store.mark_running("run", fence=1, attempt=1)
    other.close()
    assert (await store.mark_running("run", fence=1, attempt=1)).status == RunStatus.RUNNING


async def test_uncut_work_that_fails_after_a_cancel_raises_the_cancel(loop_errors: list[str]) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await go.wait()
        raise UnavailableError("nobody is left to hear it")

    task = asyncio.ensure_future(uncut(work()))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go.set()
    await asyncio.wait([task])
    assert task.cancelled()
    del task
    gc.collect()
    assert loop_errors == []
