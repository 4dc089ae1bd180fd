"""Deleting runs and threads: what goes on is stopped before, and nothing is written afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support.graphs import Stubborn, count_to
from support.rows import Rows, thread_rows

from perdure import RunNotFoundError, RunScope, RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.wire_thread import Admission
from perdure.facade.submission import Submitter

Spec = Callable[..., RunSpec]
Cli = Callable[..., Awaitable[str]]
NOTHING: Rows = {}


async def test_a_run_that_goes_on_is_stopped_and_removed(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    record, stream = await runs.create_and_stream(spec("counting", input=count_to(1000, 0.05)))
    await anext(stream)
    assert await runs.delete_run(record.run_id)
    assert await runs.get_run(record.run_id) is None
    assert await runs.list_runs(record.thread_id) == []
    for call in (runs.join_stream, runs.join_wait):
        with pytest.raises(RunNotFoundError):
            await call(record.run_id)
    assert not await runs.delete_run(record.run_id)


async def test_by_many_at_once(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    record, stream = await runs.create_and_stream(spec("counting", input=count_to(1000, 0.05)))
    await anext(stream)
    assert sorted(await asyncio.gather(*(runs.delete_run(record.run_id) for _ in range(12)))) == [*([False] * 11), True]


async def test_what_is_being_submitted_is_no_run_yet(
    runs: RunsFacade, worker: Worker, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, held, go_on = Submitter.submit, asyncio.Event(), asyncio.Event()

    async def hold(*given: Any) -> Admission:
        held.set()
        await go_on.wait()
        return await submit(*given)

    monkeypatch.setattr(Submitter, "submit", hold)
    creating = asyncio.create_task(runs.create_and_wait(spec("counting", input=count_to(1), run_id="under-way")))
    await held.wait()
    assert not await runs.delete_run("under-way")
    go_on.set()
    _, result = await creating
    assert result.status is RunStatus.SUCCESS
    assert await runs.delete_run("under-way")


async def test_a_straggler_writes_nothing_for_a_deleted_run(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    stubborn = Stubborn()
    async with Worker(graphs={"stubborn": stubborn.graph()}, settings=settings):
        record = await runs.create_background(spec("stubborn", input={"log": []}))
        await asyncio.to_thread(stubborn.entered.wait, 10)
        assert await runs.delete_thread(record.thread_id)
        stubborn.release.set()
        await asyncio.to_thread(stubborn.left.wait, 10)
        assert await runs.get_run(record.run_id) is None
        with pytest.raises(RunNotFoundError):
            await runs.join_stream(record.run_id)
        assert thread_rows(settings, record.thread_id) == NOTHING


@pytest.mark.elsewhere
async def test_a_thread_goes_with_all_of_its_runs(
    runs: RunsFacade, worker: Worker, settings: Settings, spec: Spec
) -> None:
    ended, _ = await runs.create_and_wait(spec("counting", input=count_to(2)))
    await runs.create_background(spec("counting", input=count_to(1000, 0.05)))
    queued = await runs.create_background(spec("counting", input=count_to(1)))
    other, _ = await runs.create_and_wait(spec("counting", "other", input=count_to(1)))
    assert await runs.delete_thread(ended.thread_id)
    assert await runs.list_runs(ended.thread_id) == []
    assert await runs.get_run(queued.run_id) is None
    assert thread_rows(settings, ended.thread_id) == NOTHING
    assert thread_rows(settings, other.thread_id) != NOTHING
    assert not await runs.delete_thread(ended.thread_id)


async def test_a_later_run_finds_a_new_thread(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    await runs.create_and_wait(spec("counting", input=count_to(2)))
    await runs.create_background(spec("counting", input=count_to(1000, 0.05)))
    thread_id = spec("counting").scope.thread_id or ""
    deleted, (later, result) = await asyncio.gather(
        runs.delete_thread(thread_id), _submitted_meanwhile(runs, spec("counting", input=count_to(1)))
    )
    assert deleted
    # Before the deletion, in the new thread, or in between: stopped with the others, and told of it before it went.
    assert result in (RunStatus.SUCCESS, RunStatus.INTERRUPTED, None)
    if result is RunStatus.INTERRUPTED:
        assert await runs.get_run(later) is None
    fresh, ended = await runs.create_and_wait(spec("counting", input=count_to(3)))
    assert ended.status is RunStatus.SUCCESS
    assert {record.run_id for record in await runs.list_runs(thread_id)} <= {later, fresh.run_id}


async def _submitted_meanwhile(runs: RunsFacade, spec: RunSpec) -> tuple[str, RunStatus | None]:
    """A run, and its end: `None` when it was deleted with its thread."""
    record = await runs.create_background(spec)
    try:
        return record.run_id, (await runs.join_wait(record.run_id)).status
    except RunNotFoundError:
        return record.run_id, None


async def test_the_thread_of_a_stateless_run(runs: RunsFacade, worker: Worker, settings: Settings, spec: Spec) -> None:
    wanted = spec("counting", input=count_to(1000, 0.05), scope=RunScope(kind="stateless"))
    record, stream = await runs.create_and_stream(wanted)
    async for event in stream:
        if event.event == "values" and event.data["log"]:
            break
    assert await runs.delete_thread(record.thread_id)
    assert await runs.get_run(record.run_id) is None
    assert thread_rows(settings, record.thread_id) == NOTHING


async def test_a_thread_whose_workflow_was_terminated(
    runs: RunsFacade, worker: Worker, settings: Settings, spec: Spec, cli: Cli
) -> None:
    record, stream = await runs.create_and_stream(spec("counting", input=count_to(1000, 0.05)))
    await anext(stream)
    await cli("terminate", "--workflow-id", f"thread-{record.thread_id}")
    assert await runs.delete_thread(record.thread_id)
    assert await runs.get_run(record.run_id) is None
    assert thread_rows(settings, record.thread_id) == NOTHING


async def test_a_thread_without_anything(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    assert not await runs.delete_thread("never-heard-of")
