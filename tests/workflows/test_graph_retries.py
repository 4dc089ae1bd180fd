"""The retry policy of a spec: which errors of the graph, how often, how soon; finished tasks are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from perdure import RetryPolicy, RunNotFoundError, RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.errors import PerdureError, UnavailableError

from .asked import EMPTY, answered, asked, check
from .graphs import Log, beside, chain, failing_step, nested, question, step, with_node_retries

Spec = Callable[..., RunSpec]


class FlakyError(ConnectionError):
    """Of a graph."""


def policy(attempts: int, *classes: str, **more: Any) -> RetryPolicy:
    return RetryPolicy(max_attempts=attempts, retry_on=classes, **({"initial_interval": 0.01} | more))


async def _attempts(runs: RunsFacade, run_id: str) -> list[int]:
    events = [event async for event in await runs.join_stream(run_id)]
    return [event.data["attempt"] for event in events if event.event == "metadata"]


@pytest.mark.parametrize(
    ("classes", "attempts"),
    [
        ((), 2),
        ((f"{FlakyError.__module__}.FlakyError",), 2),
        (("ValueError", "OSError"), 2),
        (("ValueError",), 1),
    ],
    ids=str,
)
async def test_by_class(
    runs: RunsFacade, settings: Settings, spec: Spec, classes: tuple[str, ...], attempts: int
) -> None:
    effects: list[str] = []
    graph = chain(node=failing_step("node", effects, FlakyError("no luck"), times=9))
    async with Worker(graphs={"graph": graph}, settings=settings):
        record, result = await runs.create_and_wait(spec("graph", input=EMPTY, retry=policy(2, *classes)))
    assert result.status is RunStatus.ERROR
    assert result.error is not None
    assert (result.error.type, result.error.message) == (f"{FlakyError.__module__}.FlakyError", "no luck")
    assert len(effects) == attempts
    assert await _attempts(runs, record.run_id) == list(range(1, attempts + 1))


async def test_the_back_off(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    times: list[float] = []

    async def node(state: Log) -> dict[str, Any]:
        times.append(asyncio.get_running_loop().time())
        raise ValueError

    retry = policy(3, initial_interval=0.3, backoff=3)
    async with Worker(graphs={"graph": chain(node=node)}, settings=settings):
        await runs.create_and_wait(spec("graph", input=EMPTY, retry=retry))
    first, second = (later - earlier for earlier, later in pairwise(times))
    assert first >= 0.3
    assert second >= 0.9


async def test_finished_tasks_are_kept(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    effects: list[str] = []
    inner = chain(a=step("a", effects), b=failing_step("b", effects, ValueError(), times=1), c=step("c", effects))
    graph = beside(inner=nested(1, inner).compile(), d=step("d", effects))
    async with Worker(graphs={"graph": graph}, settings=settings):
        _, result = await runs.create_and_wait(spec("graph", input=EMPTY, retry=policy(2)))
    assert (result.status, sorted(result.values["log"])) == (RunStatus.SUCCESS, ["a", "b", "c", "d", "end"])
    assert sorted(effects) == ["a", "c", "d", "try b", "try b"]


async def test_langgraphs_own_retries_are_within_the_attempt(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    effects: list[str] = []
    async with Worker(graphs={"graph": with_node_retries(effects)}, settings=settings):
        record, result = await runs.create_and_wait(spec("graph", input=EMPTY))
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["node"]})
    assert effects == ["try node"] * 3
    assert await _attempts(runs, record.run_id) == [1]


async def test_a_failure_behind_a_question(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    effects: list[str] = []
    fails = failing_step("fails", effects, ValueError(), times=1)
    async with Worker(graphs={"graph": chain(ask=question("q", effects), fails=fails)}, settings=settings):
        result = await asked(runs, spec("graph", input=EMPTY, retry=policy(2)), "q?")
        result = await answered(runs, result, "yes")
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["q=yes", "fails"]})
    assert effects == ["q", "try fails", "try fails"], "the answer is not needed again"


async def test_a_failure_beside_a_question(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    effects: list[str] = []
    fails = failing_step("fails", effects, ValueError(), times=1)
    async with Worker(graphs={"graph": beside(ask=question("q", effects), fails=fails)}, settings=settings):
        result = await asked(runs, spec("graph", input=EMPTY, retry=policy(2)), "q?")
        assert result.values == {"log": ["fails"]}
        result = await answered(runs, result, "yes")
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["q=yes", "fails", "end"]})


async def test_a_failure_of_the_node_that_asked(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    effects: list[str] = []
    fails = failing_step("fails", effects, ValueError(), times=1)
    ask = question("q", effects)

    async def node(state: Log) -> dict[str, Any]:
        answer, done = await ask(state), await fails(state)
        return {"log": [*answer["log"], *done["log"]]}

    async with Worker(graphs={"graph": chain(node=node, ask=question("r", []))}, settings=settings):
        result = await asked(runs, spec("graph", input=EMPTY, retry=policy(2)), "q?")
        result = await answered(runs, result, "yes")
        check(result, "r?")
    assert result.values == {"log": ["q=yes", "fails"]}, "its answer was given again to each attempt"


@pytest.mark.parametrize("error", [RunNotFoundError("other"), UnavailableError("away")], ids=["not found", "away"])
async def test_an_error_of_ours_that_the_graph_raises_is_the_graphs(
    runs: RunsFacade, settings: Settings, spec: Spec, error: PerdureError
) -> None:
    graph = chain(node=failing_step("node", [], error, times=9))
    async with Worker(graphs={"graph": graph}, settings=settings):
        _, result = await runs.create_and_wait(spec("graph", input=EMPTY))
    assert result.status is RunStatus.ERROR
    assert result.error is not None
    assert result.error.type == f"{type(error).__module__}.{type(error).__name__}"
