"""A cancel: when it comes, whoever sends it, and how often, it has one outcome, and its answer is true."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.graphs import asking, count_to, counting
from support.overlap import Overlap
from support.servers import until
from support.story import STORY, story_spec
from support.workers import WorkerProcess

from perdure import CancelAction, RunRecord, RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.activities.finalizer import Ended, Finalizer
from perdure.contracts.settings import WorkerSettings
from perdure.facade import steering
from perdure.workflows import thread_workflow

Spec = Callable[..., RunSpec]
Cli = Callable[..., Awaitable[str]]
FOR_EVER = 60.0
MOMENTS = 24
CANCELLED = (RunStatus.INTERRUPTED, RunStatus.ROLLED_BACK)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A worker that stops without waiting for the runs that it leaves behind."""
    return settings.model_copy(update={"worker": WorkerSettings(graceful_shutdown=0.1)})


@pytest.fixture
def overlap() -> Overlap:
    return Overlap()


@pytest.fixture
async def worker(settings: Settings, overlap: Overlap) -> AsyncIterator[Worker]:
    graphs = {"overlap": overlap.graph(), "counting": counting(), "asking": asking("name?")}
    async with Worker(graphs=graphs, settings=settings) as worker:
        yield worker


async def _executing(runs: RunsFacade, spec: Spec, overlap: Overlap, **fields: Any) -> RunRecord:
    config = {"configurable": {"pace": FOR_EVER}}
    record = await runs.create_background(spec("overlap", input={"log": []}, runnable_config=config, **fields))
    await until(lambda: record.run_id in overlap.order(record.thread_id))
    return record


async def _queued(runs: RunsFacade, spec: Spec, overlap: Overlap) -> RunRecord:
    await _executing(runs, spec, overlap)
    return await runs.create_background(spec("overlap", input={"log": []}))


async def _waiting(runs: RunsFacade, spec: Spec, overlap: Overlap) -> RunRecord:
    record, result = await runs.create_and_wait(spec("asking", input={"log": []}))
    assert result.status is RunStatus.AWAITING_INPUT
    return record


async def _postponed(runs: RunsFacade, spec: Spec, overlap: Overlap) -> RunRecord:
    return await runs.create_background(spec("overlap", input={"log": []}, after_seconds=FOR_EVER))


STATES = {"executing": _executing, "queued": _queued, "waiting": _waiting, "postponed": _postponed}
BY_HAND = {
    "cancel signal": ("signal", "--name", "cancel", "--input", '{"action": "interrupt"}'),
    "cancel signal without payload": ("signal", "--name", "cancel"),
    "temporal's cancel": ("cancel",),
}


async def _assert_cancelled(runs: RunsFacade, run_id: str, action: CancelAction = CancelAction.INTERRUPT) -> None:
    status = RunStatus.INTERRUPTED if action is CancelAction.INTERRUPT else RunStatus.ROLLED_BACK
    assert [event.event async for event in await runs.join_stream(run_id)][-1] == "cancel"
    assert (await runs.join_wait(run_id)).status is status
    record = await runs.get_run(run_id)
    assert record is not None
    assert (record.status, record.cancel_action) == (status, action)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("by", ["facade", *BY_HAND])
async def test_by_whatever_way_in_whatever_state(
    runs: RunsFacade, worker: Worker, spec: Spec, cli: Cli, overlap: Overlap, state: str, by: str
) -> None:
    record = await STATES[state](runs, spec, overlap)
    if by == "facade":
        assert await runs.cancel(record.run_id)
    else:
        command, *arguments = BY_HAND[by]
        await cli(command, "--workflow-id", f"run-{record.run_id}", *arguments)
    await _assert_cancelled(runs, record.run_id)
    assert not await runs.cancel(record.run_id)
    assert (record.run_id in overlap.order(record.thread_id)) == (state == "executing")


async def test_twice_the_first_action_wins(
    runs: RunsFacade, worker: Worker, spec: Spec, cli: Cli, overlap: Overlap
) -> None:
    queued = await _queued(runs, spec, overlap)
    assert [await runs.cancel(queued.run_id, action="rollback"), await runs.cancel(queued.run_id)] in (
        [True, True],
        [True, False],  # it has ended meanwhile
    )
    await _assert_cancelled(runs, queued.run_id, CancelAction.ROLLBACK)


async def test_at_any_moment_around_the_end_the_answer_is_true(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    began = time.monotonic()
    await runs.create_and_wait(spec("counting", "timed", input=count_to(1)))
    usual = time.monotonic() - began

    async def cancelled_after(part: float, number: int) -> tuple[bool, RunStatus]:
        record = await runs.create_background(spec("counting", f"thread-{number}", input=count_to(1)))
        await asyncio.sleep(part * usual)
        action = list(CancelAction)[number % 2]
        accepted = await runs.cancel(record.run_id, action=action)
        return accepted, (await runs.join_wait(record.run_id)).status

    answers: list[tuple[bool, RunStatus]] = []
    for number in range(0, MOMENTS, 4):
        moments = [cancelled_after(2 * one / MOMENTS, one) for one in range(number, number + 4)]
        answers += await asyncio.gather(*moments)
    assert [answer for answer in answers if answer[0] != (answer[1] in CANCELLED)] == []


@pytest.fixture
def unwritten(monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncio.Event]:
    """Until it is set, a workflow can decide how its run ends, and nothing records it.

    The slice that would have ended the run cannot, so that its workflow does.
    """
    gate, finish, slices = asyncio.Event(), Finalizer.finish, itertools.count()

    async def wait(*args: Any, **kwargs: Any) -> Ended:
        if next(slices) == 0:
            raise RuntimeError("the store is not there")
        await gate.wait()
        return await finish(*args, **kwargs)

    monkeypatch.setattr(Finalizer, "finish", wait)
    yield gate
    gate.set()


async def test_while_its_end_is_being_written_it_comes_too_late(
    runs: RunsFacade, worker: Worker, spec: Spec, cli: Cli, unwritten: asyncio.Event
) -> None:
    record = await runs.create_background(spec("counting", input=count_to(1)))
    await until(lambda: _shows(cli, record.run_id, RunStatus.SUCCESS))
    assert not await runs.cancel(record.run_id)
    await cli("signal", "--workflow-id", f"run-{record.run_id}", "--name", "cancel")
    await cli("cancel", "--workflow-id", f"run-{record.run_id}")
    unwritten.set()
    assert (await runs.join_wait(record.run_id)).status is RunStatus.SUCCESS


async def _shows(cli: Cli, run_id: str, status: RunStatus) -> bool:
    described = json.loads(await cli("describe", "--workflow-id", f"run-{run_id}", "--output", "json"))
    fields = described["workflowExecutionInfo"]["searchAttributes"]["indexedFields"]
    return status in base64.b64decode(fields["RunStatus"]["data"]).decode()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancel does not wait for long for a worker that decides."""
    monkeypatch.setattr(steering, "_DECISION", 0.5)


@pytest.fixture
def process(settings: Settings) -> Iterator[WorkerProcess]:
    """A worker that can be killed."""
    worker = WorkerProcess(settings, STORY)
    yield worker
    worker.kill()


async def test_while_its_worker_is_dead_it_waits_for_another_one(
    runs: RunsFacade, settings: Settings, process: WorkerProcess, impatient: None, tmp_path: Path
) -> None:
    effects = tmp_path / "effects"
    record = await runs.create_background(story_spec(settings.temporal.task_queue, effects, rounds=2, delay=FOR_EVER))
    await until(effects.exists)
    process.kill()
    assert await runs.cancel(record.run_id)
    process.start()
    await _assert_cancelled(runs, record.run_id)


async def test_when_a_worker_has_decided_the_end_and_gone_it_comes_too_late(
    runs: RunsFacade, settings: Settings, spec: Spec, cli: Cli, unwritten: asyncio.Event, impatient: None
) -> None:
    async with Worker(graphs={"counting": counting()}, settings=settings):
        record = await runs.create_background(spec("counting", input=count_to(1)))
        await until(lambda: _shows(cli, record.run_id, RunStatus.SUCCESS))
    assert not await runs.cancel(record.run_id)
    unwritten.set()
    async with Worker(graphs={"counting": counting()}, settings=settings):
        assert (await runs.join_wait(record.run_id)).status is RunStatus.SUCCESS


async def test_before_its_workflow_has_started(
    runs: RunsFacade, worker: Worker, spec: Spec, overlap: Overlap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that is about to continue as new acknowledges runs that it does not start yet."""
    monkeypatch.setattr(thread_workflow, "_MAX_SUBMISSIONS", 1)
    stays = {"configurable": {"pace": FOR_EVER, "cleanup": 4.0}}
    old = await runs.create_background(spec("overlap", input={"log": []}, runnable_config=stays))
    await until(lambda: old.run_id in overlap.order(old.thread_id))
    deletion = asyncio.create_task(runs.delete_thread(old.thread_id))
    await until(lambda: overlap.leaving(old.thread_id))
    later = await runs.create_background(spec("overlap", input={"log": []}, runnable_config=stays))
    cancel = asyncio.create_task(runs.cancel(later.run_id))
    overlap.let_go.set()
    assert await cancel
    assert await deletion
    await _assert_cancelled(runs, later.run_id)
