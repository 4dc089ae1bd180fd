"""What Temporal's search attributes have of a user: its id, a hash of it, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.graphs import count_to, counting
from support.keys import encrypted
from support.servers import until

import perdure
from perdure import RunScope, RunSpec, Settings, Worker, bind_actor
from perdure.contracts.wire import run_workflow_id, thread_workflow_id
from perdure.runtime.connection import connect_temporal
from perdure.runtime.keys import shown_users

Spec = Callable[..., RunSpec]


async def _ids(settings: Settings, query: str) -> set[str]:
    client = await connect_temporal(settings)
    ours = f'TaskQueue = "{settings.temporal.task_queue}"'
    return {one.id async for one in client.list_workflows(f"{query} AND {ours}")}


@pytest.mark.parametrize(("form", "keys"), [("hashed", True), ("hashed", False), ("omitted", True)])
async def test_of_runs_and_threads(settings: Settings, spec: Spec, form: str, keys: bool) -> None:
    temporal = settings.temporal.model_copy(update={"user_ids": form})
    settings = (encrypted(settings) if keys else settings).model_copy(update={"temporal": temporal})
    alone: dict[str, Any] = {"scope": RunScope(kind="stateless"), "input": count_to(1)}
    async with Worker(graphs={"counting": counting()}, settings=settings), perdure.connect(settings=settings) as runs:
        with bind_actor("ann"):
            first, _ = await runs.create_and_wait(spec("counting", input=count_to(1)))
            second, _ = await runs.create_and_wait(RunSpec(assistant_id="counting", **alone))
            assert [thread.thread_id for thread in await runs.list_threads()] == [first.thread_id]
    assert (first.user_id, second.user_id) == ("ann", "ann")  # the records know it
    started = {*map(run_workflow_id, (first.run_id, second.run_id)), thread_workflow_id(first.thread_id)}
    query = "UserId IS NULL" if form == "omitted" else shown_users(settings).query("ann")

    async def found() -> bool:
        return started <= await _ids(settings, query)

    await until(found)
    assert await _ids(settings, 'UserId = "ann"') == set()
