"""An operator ends workflows from outside, of a run or of a whole thread, while others stand in line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support.overlap import Overlap, in_full
from support.servers import until

from perdure import MultitaskStrategy, RunRecord, RunsFacade, RunSpec, RunStatus, Settings, ThreadBusyError
from perdure.contracts.settings import WorkerSettings

Spec = Callable[..., RunSpec]
Cli = Callable[..., Awaitable[str]]
NEW: dict[str, Any] = {"log": []}
HELD: dict[str, Any] = {"configurable": {"cleanup": 60.0}}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A worker that stops without waiting for the runs that it leaves behind."""
    return settings.model_copy(update={"worker": WorkerSettings(graceful_shutdown=0.1)})


async def _line(runs: RunsFacade, spec: Spec, overlap: Overlap) -> list[RunRecord]:
    """A run that stays in its graph until it is let go, or cancelled, and two that wait behind it."""
    first = await runs.create_background(spec("overlap", input=NEW, runnable_config=HELD))
    await until(lambda: overlap.leaving(first.thread_id))
    return [first, *[await runs.create_background(spec("overlap", input=NEW)) for _ in range(2)]]


async def _statuses(runs: RunsFacade, records: list[RunRecord]) -> list[RunStatus]:
    return [(await runs.join_wait(record.run_id)).status for record in records]


async def test_the_next_in_line_goes_on_when_a_run_is_terminated(
    runs: RunsFacade, overlap: Overlap, spec: Spec, cli: Cli
) -> None:
    line = await _line(runs, spec, overlap)
    await cli("terminate", "--workflow-id", f"run-{line[0].run_id}")
    assert await _statuses(runs, line) == [RunStatus.ERROR, RunStatus.SUCCESS, RunStatus.SUCCESS]
    assert (await runs.join_wait(line[2].run_id)).values == {"log": in_full(line[1].run_id, line[2].run_id)}


async def test_a_queued_run_that_is_terminated_leaves_the_line(
    runs: RunsFacade, overlap: Overlap, spec: Spec, cli: Cli
) -> None:
    line = await _line(runs, spec, overlap)
    await cli("terminate", "--workflow-id", f"run-{line[1].run_id}")
    overlap.let_go.set()
    assert await _statuses(runs, line) == [RunStatus.SUCCESS, RunStatus.ERROR, RunStatus.SUCCESS]
    assert overlap.order(line[0].thread_id) == [line[0].run_id, line[2].run_id]


@pytest.mark.parametrize("strategy", MultitaskStrategy)
async def test_a_newcomer_takes_up_the_line_of_a_terminated_thread(
    runs: RunsFacade, overlap: Overlap, spec: Spec, cli: Cli, strategy: MultitaskStrategy
) -> None:
    line = await _line(runs, spec, overlap)
    thread_id = line[0].thread_id
    await cli("terminate", "--workflow-id", f"thread-{thread_id}")
    ends = strategy in (MultitaskStrategy.INTERRUPT, MultitaskStrategy.ROLLBACK)
    newcomer = spec("overlap", input=NEW, multitask_strategy=strategy)
    if strategy is MultitaskStrategy.REJECT:
        with pytest.raises(ThreadBusyError):
            await runs.create_background(newcomer)
    else:
        line.append(await runs.create_background(newcomer))
        assert line[-1].sequence == 4
    if not ends:
        overlap.let_go.set()
    found = await _statuses(runs, line)
    assert found[-1] is RunStatus.SUCCESS
    assert all(status is RunStatus.SUCCESS for status in found) != ends
    assert overlap.violations(thread_id) == []
    executed = [record.run_id for record in line]
    assert overlap.order(thread_id) == ([executed[0], executed[-1]] if ends else executed)


async def test_a_thread_that_is_cancelled_cancels_its_runs_and_goes_on(
    runs: RunsFacade, overlap: Overlap, spec: Spec, cli: Cli
) -> None:
    line = await _line(runs, spec, overlap)
    await cli("cancel", "--workflow-id", f"thread-{line[0].thread_id}")
    assert await _statuses(runs, line) == [RunStatus.INTERRUPTED] * 3
    _, result = await runs.create_and_wait(spec("overlap", input=NEW))
    assert result.status is RunStatus.SUCCESS
    assert overlap.violations(line[0].thread_id) == []


async def test_a_terminated_run_has_stopped_before_the_next_one_begins(
    runs: RunsFacade, overlap: Overlap, spec: Spec, cli: Cli
) -> None:
    line = await _line(runs, spec, overlap)
    await cli("terminate", "--workflow-id", f"run-{line[0].run_id}")
    await _statuses(runs, line)
    assert overlap.violations(line[0].thread_id) == []
