"""A run that did not come to its end is continued by a new one without an input: no finished step runs again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from perdure import RunsFacade, RunSpec, RunStatus, Settings, Worker

from .asked import EMPTY, check
from .graphs import Log, beside, chain, failing_step, nested, question, step

Spec = Callable[..., RunSpec]
NO_LUCK = ValueError("no luck")


async def _fails_then_succeeds(runs: RunsFacade, settings: Settings, spec: Spec, graph: Any) -> Any:
    async with Worker(graphs={"graph": graph}, settings=settings):
        _, failed = await runs.create_and_wait(spec("graph", input=EMPTY))
        assert failed.status is RunStatus.ERROR
        _, result = await runs.create_and_wait(spec("graph"))
    assert result.status is RunStatus.SUCCESS
    return result.values["log"]


async def test_after_an_error(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    effects: list[str] = []
    graph = chain(a=step("a", effects), b=failing_step("b", effects, NO_LUCK, times=1), c=step("c", effects))
    assert await _fails_then_succeeds(runs, settings, spec, graph) == ["a", "b", "c"]
    assert effects == ["a", "try b", "try b", "c"]


async def test_after_an_error_in_a_parallel_branch(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    effects: list[str] = []
    graph = beside(a=step("a", effects), b=failing_step("b", effects, NO_LUCK, times=1), c=step("c", effects))
    assert await _fails_then_succeeds(runs, settings, spec, graph) == ["a", "b", "c", "end"]
    assert sorted(effects) == ["a", "c", "try b", "try b"]


@pytest.mark.parametrize("depth", [1, 2])
async def test_after_an_error_in_a_subgraph(runs: RunsFacade, settings: Settings, spec: Spec, depth: int) -> None:
    effects: list[str] = []
    inner = chain(a=step("a", effects), b=failing_step("b", effects, NO_LUCK, times=1), c=step("c", effects))
    graph = beside(inner=nested(depth, inner).compile(), d=step("d", effects))
    assert sorted(await _fails_then_succeeds(runs, settings, spec, graph)) == ["a", "b", "c", "d", "end"]
    assert sorted(effects) == ["a", "c", "d", "try b", "try b"]


async def test_after_a_timeout(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    effects: list[str] = []
    slow = {"seconds": 60.0}

    async def work(state: Log) -> dict[str, Any]:
        return await step("slow", effects, slow["seconds"])(state)

    async with Worker(graphs={"graph": chain(a=step("a", effects), slow=work)}, settings=settings):
        _, result = await runs.create_and_wait(spec("graph", input=EMPTY, step_timeout=0.3))
        assert (result.status, result.values) == (RunStatus.TIMEOUT, {"log": ["a"]})
        slow["seconds"] = 0
        _, result = await runs.create_and_wait(spec("graph"))
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["a", "slow"]})
    assert effects == ["a", "slow"]


async def test_after_a_cancel(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    effects: list[str] = []
    slow = {"seconds": 60.0}

    async def work(state: Log) -> dict[str, Any]:
        return await step("slow", effects, slow["seconds"])(state)

    graph = chain(inner=beside(a=step("a", effects), slow=work).compile())
    async with Worker(graphs={"graph": graph}, settings=settings):
        run = spec("graph", input=EMPTY, stream_modes=["updates"], stream_subgraphs=True)
        record, stream = await runs.create_and_stream(run)
        async for event in stream:
            if "a" in event.data:  # it is reported when it is saved
                break
        await runs.cancel(record.run_id)
        assert (await runs.join_wait(record.run_id)).status is RunStatus.INTERRUPTED
        slow["seconds"] = 0
        _, result = await runs.create_and_wait(spec("graph"))
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["a", "slow", "end"]})
    assert effects == ["a", "slow"]


async def test_at_an_open_question(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    graph = chain(a=step("a", []), ask=question("q", []))
    async with Worker(graphs={"graph": graph}, settings=settings):
        await runs.create_and_wait(spec("graph", input=EMPTY, on_interrupt="finish"))
        _, result = await runs.create_and_wait(spec("graph"))
        check(result, "q?")


async def test_a_thread_that_is_at_its_end(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    effects: list[str] = []
    async with Worker(graphs={"graph": chain(a=step("a", effects))}, settings=settings):
        await runs.create_and_wait(spec("graph", input=EMPTY))
        record, result = await runs.create_and_wait(spec("graph"))
        assert (result.status, result.values, effects) == (RunStatus.SUCCESS, {"log": ["a"]}, ["a"])
        found = await runs.get_run(record.run_id)
    assert found is not None
    assert found.steps == 0, "as LangGraph has it: there is nothing to do, and that is no error"


async def test_a_thread_that_has_no_state(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    async with Worker(graphs={"graph": chain(a=step("a", []))}, settings=settings):
        _, result = await runs.create_and_wait(spec("graph"))
    assert result.status is RunStatus.ERROR
    assert result.error is not None
    assert "has no state to go on from; give the run an input" in result.error.message
