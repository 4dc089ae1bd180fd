"""What a run has come to: the record as it is at its end, and the values that its own stream showed last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.graphs import count_to

from perdure import RunsFacade, RunSpec, RunStatus, Worker

Spec = Callable[..., RunSpec]

ENDS: dict[str, tuple[str, dict[str, Any], RunStatus]] = {
    "success": ("counting", {"input": count_to(2)}, RunStatus.SUCCESS),
    "question": ("asking", {"input": {"log": ["in"]}}, RunStatus.AWAITING_INPUT),
    "error": ("failing", {"input": {"log": ["in"]}}, RunStatus.ERROR),
    "error before the first superstep": ("counting", {"command": {"goto": "nowhere"}}, RunStatus.ERROR),
    "timeout": ("counting", {"input": count_to(1000, 0.05), "run_timeout": 1.0}, RunStatus.TIMEOUT),
}


@pytest.mark.parametrize("name", ENDS)
async def test_record_and_values_are_those_of_the_end(runs: RunsFacade, worker: Worker, spec: Spec, name: str) -> None:
    graph, fields, status = ENDS[name]
    await runs.create_and_wait(spec("counting", input=count_to(1)))
    record, result = await runs.create_and_wait(spec(graph, **fields))
    assert (record.status, result.status) == (status, status)
    assert record == await runs.get_run(record.run_id)
    assert result.values == await _shown(runs, record.run_id)


async def _shown(runs: RunsFacade, run_id: str) -> Any:
    """The last values in the stream so far; `None` when there are none."""
    last = None
    async for event in await runs.join_stream(run_id):
        if event.event == "values":
            last = {name: value for name, value in event.data.items() if name != "__interrupt__"}
        if event.event in ("end", "error", "cancel", "awaiting_input"):
            break
    return last


async def test_a_run_that_ends_in_line_has_no_values_of_the_other(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    first = await runs.create_background(spec("counting", input=count_to(1000, 0.05)))
    async for event in await runs.join_stream(first.run_id):
        if event.event == "values" and event.data["log"]:
            break
    record, result = await runs.create_and_wait(spec("counting", input=count_to(1), run_timeout=0.3))
    assert (record.status, result.values) == (RunStatus.TIMEOUT, None)
    await runs.cancel(first.run_id)
