"""Runs that wait for a human cost no worker a slot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from support.graphs import count_to, counting

from perdure import RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.settings import WorkerSettings

from .asked import EMPTY, answered, asked
from .graphs import chain, question

Spec = Callable[..., RunSpec]
WAITING = 30
SLOTS = 2


async def test_others_are_executed_at_once(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    few = settings.model_copy(update={"worker": WorkerSettings(max_concurrent_activities=SLOTS)})
    async with Worker(graphs={"asks": chain(ask=question("q", [])), "counting": counting()}, settings=few):
        waiting = await asyncio.gather(
            *(asked(runs, spec("asks", f"waits-{number}", input=EMPTY), "q?") for number in range(WAITING))
        )
        _, result = await runs.create_and_wait(spec("counting", input=count_to(3)))
        assert result.status is RunStatus.SUCCESS
        assert {(await runs.join_wait(one.run_id)).status for one in waiting} == {RunStatus.AWAITING_INPUT}
        assert (await answered(runs, waiting[-1], "yes")).values == {"log": ["q=yes"]}
