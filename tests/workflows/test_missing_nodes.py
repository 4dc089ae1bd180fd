"""A deploy that renames the node at which a run waits: the answer says so, the question stays open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.servers import until

from perdure import RunsFacade, RunSpec, RunStatus, Settings, WaitResult, Worker
from perdure.contracts.wire import QUERY_STATUS, run_workflow_id
from perdure.runtime.connection import connect_temporal

from .asked import EMPTY, asked
from .graphs import chain, question, step

Spec = Callable[..., RunSpec]
TEXT = "node 'approve' is not in the graph that is served now"


def _graph(name: str, *, breakpoint: bool = False) -> Any:
    node = step(name, []) if breakpoint else question("ok", [])
    return chain(**{"first": step("first", []), name: node}).compile(interrupt_before=[name] if breakpoint else None)


async def _stands(runs: RunsFacade, run_id: str, status: RunStatus) -> WaitResult:
    async def stands() -> bool:
        record = await runs.get_run(run_id)
        return record is not None and record.status is status and record.error is not None

    await until(stands)
    return await runs.join_wait(run_id)


@pytest.mark.parametrize("breakpoint", [False, True], ids=["question", "breakpoint"])
async def test_the_question_stays_open_until_the_mend(
    runs: RunsFacade, spec: Spec, settings: Settings, breakpoint: bool
) -> None:
    async with Worker(graphs={"graph": _graph("approve", breakpoint=breakpoint)}, settings=settings):
        _, waiting = await runs.create_and_wait(spec("graph", input=EMPTY))
    async with Worker(graphs={"graph": _graph("renamed", breakpoint=breakpoint)}, settings=settings):
        await runs.resume(waiting.run_id, "lost")
        result = await _stands(runs, waiting.run_id, RunStatus.AWAITING_INPUT)
        assert result.error is not None
        assert result.error.message == TEXT
        assert (result.interrupts, result.values) == (waiting.interrupts, waiting.values)
        client = await connect_temporal(settings)
        shown = await client.get_workflow_handle(run_workflow_id(waiting.run_id)).query(QUERY_STATUS)
        assert shown["refused"] == TEXT
    async with Worker(graphs={"graph": _graph("approve", breakpoint=breakpoint)}, settings=settings):
        await runs.resume(waiting.run_id, "yes")
        done = await runs.join_wait(waiting.run_id)
        events = [event async for event in await runs.join_stream(waiting.run_id) if event.event == "awaiting_input"]
    assert (done.status, done.values) == (RunStatus.SUCCESS, {"log": ["first", "approve" if breakpoint else "ok=yes"]})
    assert done.error is None
    assert [event.data.get("error", {}).get("message") for event in events] == [None, TEXT]
    assert events[0].data["interrupts"] == events[1].data["interrupts"]


async def test_a_later_run_that_answers_ends_as_error_and_the_question_is_there_still(
    runs: RunsFacade, spec: Spec, settings: Settings
) -> None:
    async with Worker(graphs={"graph": _graph("approve")}, settings=settings):
        await runs.create_and_wait(spec("graph", input=EMPTY, on_interrupt="finish"))
    async with Worker(graphs={"graph": _graph("renamed")}, settings=settings):
        _, failed = await runs.create_and_wait(spec("graph", command={"resume": "lost"}))
        assert failed.error is not None
        assert (failed.status, failed.error.message) == (RunStatus.ERROR, TEXT)
    async with Worker(graphs={"graph": _graph("approve")}, settings=settings):
        _, done = await runs.create_and_wait(spec("graph", command={"resume": "yes"}))
    assert (done.status, done.values) == (RunStatus.SUCCESS, {"log": ["first", "ok=yes"]})


async def test_a_run_that_waits_can_be_cancelled_all_the_same(runs: RunsFacade, spec: Spec, settings: Settings) -> None:
    async with Worker(graphs={"graph": _graph("approve")}, settings=settings):
        waiting = await asked(runs, spec("graph", input=EMPTY), "ok?")
    async with Worker(graphs={"graph": _graph("renamed")}, settings=settings):
        await runs.resume(waiting.run_id, "lost")
        await _stands(runs, waiting.run_id, RunStatus.AWAITING_INPUT)
        assert await runs.cancel(waiting.run_id)
        result = await runs.join_wait(waiting.run_id)
    assert (result.status, result.error) == (RunStatus.INTERRUPTED, None)
