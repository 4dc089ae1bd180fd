"""A run is neither lost nor doubled when its client, or the connection to Temporal, breaks while it submits."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.cutting import cutting
from support.overlap import Overlap, in_full
from support.submitter import Job, Submitter, submit, submitting

import perdure
from perdure import MultitaskStrategy, RunRecord, RunScope, RunsFacade, RunSpec, RunStatus, Settings, Worker

KILLS = 4
RUNS = 12
CUT_RUNS = 8
CUT_AFTER = (100, 3_000)
"""Bytes of a connection, the fewest and the most: within the handshake, within a call, between two."""


@pytest.fixture
async def overlap(settings: Settings) -> AsyncIterator[Overlap]:
    overlap = Overlap()
    async with Worker(graphs={"overlap": overlap.graph()}, settings=settings):
        yield overlap


def _specs(settings: Settings, strategy: MultitaskStrategy = MultitaskStrategy.ENQUEUE) -> list[RunSpec]:
    """Runs with ids, on one thread."""
    name = settings.temporal.task_queue
    spec = RunSpec(assistant_id="overlap", scope=RunScope(thread_id=name), input={"log": []})
    return [
        spec.model_copy(update={"run_id": f"{number}-{name}", "multitask_strategy": strategy}) for number in range(RUNS)
    ]


async def _ended(runs: RunsFacade, specs: list[RunSpec]) -> list[RunRecord]:
    """The records of all runs, when they have ended; there are no others."""
    results = [await runs.join_wait(spec.run_id or "") for spec in specs]
    listed = {record.run_id: record for record in await runs.list_runs(specs[0].scope.thread_id)}
    assert listed.keys() == {result.run_id for result in results}
    return [listed[result.run_id] for result in results]


async def _killed_while_it_submits(submitter: Submitter, chance: random.Random) -> bool:
    """Whether the submitter was killed, before it had done its job."""
    if await submitter.next() is None:
        return False
    await asyncio.sleep(chance.uniform(0, 0.2))
    done = submitter.ended
    await submitter.kill()
    return not done


async def test_a_client_is_killed_and_submits_again(
    runs: RunsFacade, overlap: Overlap, settings: Settings, tmp_path: Path
) -> None:
    specs, chance, killed = _specs(settings), random.Random(tmp_path.name), 0
    for _ in range(KILLS):
        async with submitting(settings, Job(specs=specs), tmp_path / "job") as submitter:
            killed += await _killed_while_it_submits(submitter, chance)
    assert killed, "no kill has hit a submission; the test shows nothing"
    async with submitting(settings, Job(specs=specs), tmp_path / "job") as submitter:
        told = await submitter.told()
    records = await _ended(runs, specs)
    assert {record.status for record in records} == {RunStatus.SUCCESS}
    assert [(record.run_id, record.sequence) for record in records] == [(one.run_id, one.sequence) for one in told]
    places = [record.sequence for record in records if record.sequence is not None]
    # The place of a run that had ended before anybody submitted it again is lost.
    assert places == sorted(set(places) & set(range(1, RUNS + 1)))
    assert overlap.violations(specs[0].scope.thread_id or "") == []


@pytest.mark.parametrize("strategy", [MultitaskStrategy.ENQUEUE, MultitaskStrategy.INTERRUPT])
async def test_a_connection_that_breaks_at_any_byte(
    runs: RunsFacade, overlap: Overlap, settings: Settings, tmp_path: Path, strategy: MultitaskStrategy
) -> None:
    specs, chance = _specs(settings, strategy)[:CUT_RUNS], random.Random(tmp_path.name)
    async with cutting(settings.temporal.address or "", lambda: chance.randint(*CUT_AFTER)) as (address, cuts):
        through = settings.temporal.model_copy(update={"address": address})
        async with perdure.connect(settings=settings.model_copy(update={"temporal": through})) as cut_off:
            told = [await submit(cut_off, spec) for spec in specs]
    assert cuts() > CUT_RUNS / 4, "the connection has hardly broken; the test shows nothing"
    records = await _ended(runs, specs)
    assert [one.run_id for one in told] == overlap.order(specs[0].scope.thread_id or "") or strategy == "interrupt"
    assert [record.sequence for record in records] == list(range(1, CUT_RUNS + 1))
    assert overlap.violations(specs[0].scope.thread_id or "") == []
    assert records[-1].status is RunStatus.SUCCESS, "nobody was admitted after it"
    if strategy is MultitaskStrategy.ENQUEUE:
        result = await runs.join_wait(specs[-1].run_id or "")
        assert result.values["log"] == in_full(*(record.run_id for record in records))
