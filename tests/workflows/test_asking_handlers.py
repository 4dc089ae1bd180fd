"""An error handler that asks is shown and answered like a node."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from perdure import RunsFacade, RunSpec, RunStatus, Settings, Worker

from .asked import EMPTY, answered, asked, check
from .graphs import Log

Spec = Callable[..., RunSpec]


def _graph() -> Any:
    async def fails(state: Log) -> dict[str, Any]:
        raise ValueError("the printer is on fire")

    async def handler(state: Log) -> dict[str, Any]:
        return {"log": [interrupt("what now?"), interrupt("and then?")]}

    return StateGraph(Log).add_node("n", fails, error_handler=handler).add_edge(START, "n").compile()


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    async with Worker(graphs={"graph": _graph()}, settings=settings) as worker:
        yield worker


async def test_by_the_run_that_waits(runs: RunsFacade, spec: Spec, worker: Worker) -> None:
    result = await asked(runs, spec("graph", input=EMPTY), "what now?")
    result = await answered(runs, result, "wait")
    check(result, "and then?")
    result = await answered(runs, result, "print")
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["wait", "print"]})


async def test_by_a_later_run(runs: RunsFacade, spec: Spec, worker: Worker) -> None:
    _, ended = await runs.create_and_wait(spec("graph", input=EMPTY, on_interrupt="finish"))
    assert (ended.status, [one.value for one in ended.interrupts]) == (RunStatus.INTERRUPTED, ["what now?"])
    _, later = await runs.create_and_wait(spec("graph", command={"resume": "wait"}))
    check(later, "and then?")
    result = await answered(runs, later, "print")
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["wait", "print"]})
