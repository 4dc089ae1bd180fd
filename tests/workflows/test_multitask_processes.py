"""Four strategies on one thread, from four processes at the same time, with cancels in between."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from support.overlap import Overlap, in_full
from support.submitter import Job, Told, submitting

from perdure import CancelAction, MultitaskStrategy, RunRecord, RunsFacade, RunSpec, RunStatus, Settings

Spec = Callable[..., RunSpec]
PROCESSES = 4
RUNS = 7
"""Of each process."""
OF_CANCEL = {CancelAction.INTERRUPT: RunStatus.INTERRUPTED, CancelAction.ROLLBACK: RunStatus.ROLLED_BACK}


async def _crowd(settings: Settings, spec: Spec, folder: Path) -> list[Told]:
    """What all processes were told."""
    chance = random.Random(folder.name)
    async with AsyncExitStack() as stack:
        at_work = [
            await stack.enter_async_context(submitting(settings, _job(spec, chance, number), folder / f"job-{number}"))
            for number in range(PROCESSES)
        ]
        return [told for answers in await asyncio.gather(*(one.told() for one in at_work)) for told in answers]


def _job(spec: Spec, chance: random.Random, number: int) -> Job:
    specs = [
        spec(
            "overlap",
            input={"log": []},
            run_id=f"{number}-{place}-{spec('overlap').scope.thread_id}",
            multitask_strategy=chance.choice(list(MultitaskStrategy)),
            runnable_config={"configurable": {"pace": chance.uniform(0, 0.05)}},
        )
        for place in range(RUNS)
    ]
    return Job(specs=specs, cancels=0.3, seed=str(number))


async def test_at_most_one_executes_and_none_is_lost(
    runs: RunsFacade, overlap: Overlap, settings: Settings, spec: Spec, tmp_path: Path
) -> None:
    told = await _crowd(settings, spec, tmp_path)
    last, result = await runs.create_and_wait(spec("overlap", input={"log": []}))
    records = {record.run_id: record for record in await runs.list_runs(last.thread_id, limit=1000)}
    acknowledged = {one.run_id for one in told if one.sequence is not None}
    refused = {one.run_id for one in told if one.busy}

    assert overlap.violations(last.thread_id) == []
    assert records.keys() == acknowledged | {last.run_id}
    assert len(acknowledged) + len(refused) == PROCESSES * RUNS
    assert sorted(record.sequence or 0 for record in records.values()) == list(range(1, len(records) + 1))
    assert all(record.status.terminal for record in records.values())
    assert {record.attempt for record in records.values()} <= {0, 1}
    _assert_cancels_are_true(told, records)
    _assert_executed_in_order(overlap, records)
    _assert_left_in_the_thread(result.values["log"], records)


def _assert_cancels_are_true(told: list[Told], records: dict[str, RunRecord]) -> None:
    for one in told:
        if one.accepted:
            assert records[one.run_id].status in OF_CANCEL.values(), one


def _assert_executed_in_order(overlap: Overlap, records: dict[str, RunRecord]) -> None:
    (thread_id,) = {record.thread_id for record in records.values()}
    executed = overlap.order(thread_id)
    places = [records[run_id].sequence or 0 for run_id in executed]
    assert places == sorted(places)
    never = {run_id for run_id, record in records.items() if record.started_at is None}
    assert never.isdisjoint(executed)


def _assert_left_in_the_thread(log: list[str], records: dict[str, RunRecord]) -> None:
    """Successful runs in full, interrupted ones as far as they got, and nothing of those that were rolled back."""
    left = {line.partition(" ")[0] for line in log}
    for run_id, record in records.items():
        mine = [line for line in log if line.startswith(f"{run_id} ")]
        match record.status:
            case RunStatus.SUCCESS:
                assert mine == in_full(run_id)
            case RunStatus.INTERRUPTED:
                assert mine == in_full(run_id)[: len(mine)]
            case _:
                assert (record.status, mine) == (RunStatus.ROLLED_BACK, [])
    assert left <= records.keys()
