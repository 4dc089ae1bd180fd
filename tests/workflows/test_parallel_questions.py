"""Several questions at once: each has its id, and any of them may be answered first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from perdure import RunsFacade, RunSpec, RunStatus, Settings, Worker

from .asked import EMPTY, answered, answered_by_name, asked, check
from .graphs import fanned_out, functional, three_questions

Spec = Callable[..., RunSpec]


@pytest.fixture
async def effects(settings: Settings) -> AsyncIterator[list[str]]:
    """What the nodes did, of graphs that a worker serves."""
    effects: list[str] = []
    graphs: dict[str, Any] = {
        "three": three_questions(effects),
        "fan": fanned_out(effects),
        "functional": functional(effects),
    }
    async with Worker(graphs=graphs, settings=settings):
        yield effects


async def test_all_together(runs: RunsFacade, spec: Spec, effects: list[str]) -> None:
    result = await asked(runs, spec("three", input=EMPTY), "a?", "b?", "c?")
    assert result.values == {"log": ["work"]}, "what is done beside the questions is shown"
    result = await answered_by_name(runs, result, {"c?": 3, "a?": 1, "b?": 2})
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["a=1", "b=2", "c=3", "work", "end"]})
    assert sorted(effects) == ["a", "b", "c", "work"]


async def test_one_after_the_other(runs: RunsFacade, spec: Spec, effects: list[str]) -> None:
    result = await asked(runs, spec("three", input=EMPTY), "a?", "b?", "c?")
    result = await answered_by_name(runs, result, {"b?": 2})
    check(result, "a?", "c?")
    result = await answered_by_name(runs, result, {"c?": 3})
    check(result, "a?")
    result = await answered(runs, result, 1)  # the last one needs no id
    assert result.values == {"log": ["a=1", "b=2", "c=3", "work", "end"]}
    assert effects == ["work", "b", "c", "a"], "a task that has its answer is done once"


async def test_some_of_them(runs: RunsFacade, spec: Spec, effects: list[str]) -> None:
    result = await asked(runs, spec("three", input=EMPTY), "a?", "b?", "c?")
    result = await answered_by_name(runs, result, {"a?": 1, "c?": 3})
    check(result, "b?")
    result = await answered_by_name(runs, result, {"b?": 2})
    assert result.values == {"log": ["a=1", "b=2", "c=3", "work", "end"]}


async def test_of_a_fan_out(runs: RunsFacade, spec: Spec, effects: list[str]) -> None:
    result = await asked(runs, spec("fan", input=EMPTY), "x?", "y?", "z?")
    result = await answered_by_name(runs, result, {"y?": "Y"})
    check(result, "x?", "z?")
    result = await answered_by_name(runs, result, {"x?": "X", "z?": "Z"})
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["x=X", "y=Y", "z=Z"]})
    assert sorted(effects) == ["x", "y", "z"]


async def test_of_functional_tasks(runs: RunsFacade, spec: Spec, effects: list[str]) -> None:
    result = await asked(runs, spec("functional", input=EMPTY), "a?", "c?")
    result = await answered_by_name(runs, result, {"a?": "A", "c?": "C"})
    check(result, "b?")
    result = await answered(runs, result, "B")
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["A, B", "C"]})
    assert effects == ["c", "a"]


async def test_who_reads_the_stream_sees_which_are_left(runs: RunsFacade, spec: Spec, effects: list[str]) -> None:
    result = await asked(runs, spec("three", input=EMPTY), "a?", "b?", "c?")
    result = await answered_by_name(runs, result, {"a?": 1})
    await answered_by_name(runs, result, {"b?": 2, "c?": 3})
    stream = [event async for event in await runs.join_stream(result.run_id) if event.event == "awaiting_input"]
    assert [[one["value"] for one in event.data["interrupts"]] for event in stream] == [
        ["a?", "b?", "c?"],
        ["b?", "c?"],
    ]
