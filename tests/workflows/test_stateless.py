"""A run with a thread of its own, and what becomes of that thread."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.graphs import count_to
from support.rows import thread_rows

from perdure import RunScope, RunsFacade, RunSpec, RunStatus, Settings, Worker

Spec = Callable[..., RunSpec]


@pytest.mark.parametrize("on_completion", [None, "delete"])
async def test_its_state_goes_with_its_end(
    runs: RunsFacade, worker: Worker, settings: Settings, spec: Spec, on_completion: str | None
) -> None:
    wanted = spec("counting", input=count_to(2), scope=RunScope(kind="stateless"), on_completion=on_completion)
    record, result = await runs.create_and_wait(wanted)
    assert (result.status, result.values["log"]) == (RunStatus.SUCCESS, [0, 1])
    assert (await runs.join_wait(record.run_id)) == result, "the result stays"
    assert thread_rows(settings, record.thread_id) == {}


async def test_its_state_is_kept_for_a_later_run(
    runs: RunsFacade, worker: Worker, settings: Settings, spec: Spec
) -> None:
    wanted = spec("counting", input=count_to(2), scope=RunScope(kind="stateless"), on_completion="keep")
    record, _ = await runs.create_and_wait(wanted)
    later = spec("counting", input=count_to(3), scope=RunScope(thread_id=record.thread_id))
    _, result = await runs.create_and_wait(later)
    assert result.values["log"] == [0, 1, 2]
