"""Questions below the root: in subgraphs, and in graphs that a node calls."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from perdure import RunsFacade, RunSpec, RunStatus, Settings, Worker

from .asked import EMPTY, answered, asked, check
from .graphs import called_twice, chain, nested, question, step

Spec = Callable[..., RunSpec]


@pytest.mark.parametrize("depth", [1, 2])
async def test_in_a_subgraph(runs: RunsFacade, settings: Settings, spec: Spec, depth: int) -> None:
    effects: list[str] = []
    inner = chain(before=step("before", effects), ask=question("q", effects), after=step("after", effects))
    async with Worker(graphs={"nested": nested(depth, inner)}, settings=settings):
        result = await asked(runs, spec("nested", input=EMPTY), "q?")
        assert [place.partition(":")[0] for place in result.interrupts[0].namespace] == ["level1", "level0"][-depth:]
        result = await answered(runs, result, "yes")
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["before", "q=yes", "after"]})
    assert effects == ["before", "q", "after"], "no finished step of the subgraph repeats"


async def test_of_two_calls_in_one_node(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    effects: list[str] = []
    async with Worker(graphs={"calls": called_twice(effects)}, settings=settings):
        first = await asked(runs, spec("calls", input=EMPTY), "inner?")
        second = await answered(runs, first, "one")
        check(second, "inner?")
        assert second.interrupts[0].id != first.interrupts[0].id
        result = await answered(runs, second, "two")
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["inner=one", "inner=two"]})
    assert effects == ["inner", "inner"]
