"""`interrupt_before` and `interrupt_after`: a run waits at each breakpoint once, and any answer lets it pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from perdure import RunsFacade, RunSpec, RunStatus, Settings, WaitResult, Worker

from .asked import EMPTY, answered, answered_by_name, asked
from .graphs import chain, step, three_questions

Spec = Callable[..., RunSpec]


async def _stops(runs: RunsFacade, spec: RunSpec) -> tuple[list[list[str]], WaitResult]:
    """What came next at each breakpoint, and how the run ended."""
    _, result = await runs.create_and_wait(spec)
    stops: list[list[str]] = []
    while result.status is RunStatus.AWAITING_INPUT:
        stops += [one.value["breakpoint"] for one in result.interrupts]
        result = await answered(runs, result, None)
    announced = [event async for event in await runs.join_stream(result.run_id) if event.event == "awaiting_input"]
    assert len(announced) == len(stops), "who reads the stream sees each"
    return stops, result


@pytest.mark.parametrize(
    ("breakpoints", "stops"),
    [
        ({"interrupt_before": ["b"]}, [["b"]]),
        ({"interrupt_before": ["a", "c"]}, [["a"], ["c"]]),
        ({"interrupt_before": "*"}, [["a"], ["b"], ["c"]]),
        ({"interrupt_after": ["a"]}, [["b"]]),
        ({"interrupt_after": "*"}, [["b"], ["c"]]),
        ({"interrupt_before": ["b"], "interrupt_after": ["b"]}, [["b"], ["c"]]),
    ],
    ids=str,
)
async def test_each_holds_the_run_once(
    runs: RunsFacade, settings: Settings, spec: Spec, breakpoints: dict[str, Any], stops: list[list[str]]
) -> None:
    effects: list[str] = []
    graph = chain(**{name: step(name, effects) for name in "abc"})
    async with Worker(graphs={"line": graph}, settings=settings):
        found, result = await _stops(runs, spec("line", input=EMPTY, **breakpoints))
    assert (found, result.status, effects) == (stops, RunStatus.SUCCESS, ["a", "b", "c"])


async def test_those_that_a_subgraph_was_compiled_with(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    effects: list[str] = []
    inner = chain(**{name: step(name, effects) for name in "abc"})
    graph = chain(inner=inner.compile(interrupt_before=["b", "c"]))
    async with Worker(graphs={"nested": graph}, settings=settings):
        found, result = await _stops(runs, spec("nested", input=EMPTY))
    assert (found, result.status, effects) == ([["b"], ["c"]], RunStatus.SUCCESS, ["a", "b", "c"])


async def test_in_front_of_questions(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    async with Worker(graphs={"three": three_questions([])}, settings=settings):
        held = await asked(
            runs, spec("three", input=EMPTY, interrupt_before="*"), {"breakpoint": ["a", "b", "c", "work"]}
        )
        result = await answered(runs, held, None)
        assert sorted(one.value for one in result.interrupts) == ["a?", "b?", "c?"]
        held = await answered_by_name(runs, result, {"a?": 1, "b?": 2, "c?": 3})
        assert [one.value for one in held.interrupts] == [{"breakpoint": ["end"]}]
        assert (await answered(runs, held, None)).status is RunStatus.SUCCESS
