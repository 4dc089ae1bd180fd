"""Agents whose worker is killed again and again leave the same events as agents whose worker lives."""

from __future__ import annotations

import asyncio
import random

from langchain_core.messages import HumanMessage
from support.rows_of_events import difference
from support.workers import WorkerProcess

from perdure import RunsFacade, Settings
from perdure.contracts.events import RunEvent
from perdure.contracts.types import RunRecord, RunScope, RunSpec, RunStatus

GRAPHS = {name: f"agents.py:{name}" for name in ("subagent", "branches")}
KILLS = 2


def _spec(name: str, thread: str) -> RunSpec:
    given = {"messages": [HumanMessage("What is it?", id="question")]}
    return RunSpec(assistant_id=name, scope=RunScope(thread_id=thread), input=given)


async def _rows(runs: RunsFacade, run: RunRecord) -> list[RunEvent]:
    return await runs.list_events(run.run_id, limit=1000)


async def _more(runs: RunsFacade, killed: dict[str, RunRecord], seen: dict[str, int]) -> None:
    """Until something has happened since the last kill."""

    async def happened() -> bool:
        return any([len(await _rows(runs, run)) > seen[name] for name, run in killed.items()])

    for _ in range(1500):
        if await happened():
            return
        await asyncio.sleep(0.02)
    raise TimeoutError


async def test_killed_agents_leave_the_same_events(settings: Settings, runs: RunsFacade) -> None:
    worker = WorkerProcess(settings, GRAPHS, {"AGENTS_DELAY": "0.1"})
    try:
        expected = {name: (await runs.create_and_wait(_spec(name, f"calm-{name}-{worker.pid}")))[0] for name in GRAPHS}
        killed = {name: await runs.create_background(_spec(name, f"wild-{name}-{worker.pid}")) for name in GRAPHS}
        moments = random.Random(worker.pid)
        for _ in range(KILLS):
            seen = {name: len(await _rows(runs, run)) for name, run in killed.items()}
            await _more(runs, killed, seen)
            await asyncio.sleep(moments.uniform(0, 0.3))  # anywhere
            worker.replace()
        ends = {name: await runs.join_wait(run.run_id) for name, run in killed.items()}
        records = {name: await runs.get_run(run.run_id) for name, run in killed.items()}
        calm = {name: await runs.get_run(run.run_id) for name, run in expected.items()}
    finally:
        worker.kill()
    assert {end.status for end in ends.values()} == {RunStatus.SUCCESS}
    assert max(record.attempt for record in records.values() if record) > 1, "no run was cut"
    for name, run in killed.items():
        assert difference(await _rows(runs, run), await _rows(runs, expected[name])) == [], name
        one, other = records[name], calm[name]
        assert one is not None
        assert other is not None
        assert (one.usage, one.title) == (other.usage, other.title)
