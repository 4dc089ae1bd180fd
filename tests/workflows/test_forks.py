"""`checkpoint_request`: a run that starts from an older checkpoint of its thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from perdure import InvalidRunError, RunsFacade, RunSpec, RunStatus, Settings, WaitResult, Worker

from .asked import EMPTY, answered, asked, check
from .graphs import Log, beside, chain, nested, question, step

Spec = Callable[..., RunSpec]


@pytest.fixture
async def effects(settings: Settings) -> AsyncIterator[list[str]]:
    effects: list[str] = []
    graphs = {
        "line": chain(**{name: step(name, effects) for name in "abc"}),
        "asks": nested(1, chain(before=step("before", effects), ask=question("q", effects))),
    }
    async with Worker(graphs=graphs, settings=settings):
        yield effects


async def _history(runs: RunsFacade, spec: RunSpec) -> tuple[WaitResult, dict[tuple[str, ...], str]]:
    """A run, and the checkpoint at which each of its states stood."""
    record, result = await runs.create_and_wait(spec.model_copy(update={"stream_modes": ("checkpoints",)}))
    stream = await runs.join_stream(record.run_id, heartbeat_interval=0.3)
    found: dict[tuple[str, ...], str] = {}
    async for event in stream:
        if event.event in ("heartbeat", "end"):
            break
        if event.event == "checkpoints":
            found[tuple(event.data["next"])] = event.data["config"]["configurable"]["checkpoint_id"]
    return result, found


async def _line(runs: RunsFacade, spec: Spec, effects: list[str]) -> dict[tuple[str, ...], str]:
    result, checkpoints = await _history(runs, spec("line", input=EMPTY))
    assert result.values == {"log": ["a", "b", "c"]}
    effects.clear()
    return checkpoints


@pytest.mark.parametrize(
    ("start", "log", "done"),
    [
        ({}, ["a", "b", "c"], ["c"]),
        ({"input": {"log": ["new"]}}, ["a", "b", "new", "a", "b", "c"], ["a", "b", "c"]),
        ({"command": {"update": {"log": ["told"]}, "goto": "b"}}, ["a", "b", "told", "b", "c", "c"], ["b", "c", "c"]),
    ],
    ids=["nothing", "input", "command"],
)
async def test_with(
    runs: RunsFacade, spec: Spec, effects: list[str], start: dict[str, Any], log: list[str], done: list[str]
) -> None:
    checkpoints = await _line(runs, spec, effects)
    fork = spec("line", checkpoint_request={"checkpoint_id": checkpoints[("c",)]}, **start)
    _, result = await runs.create_and_wait(fork)
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": log})
    assert sorted(effects) == done
    _, result = await runs.create_and_wait(spec("line"))
    assert result.values == {"log": log}, "the thread goes on from the fork"


async def test_a_question_is_asked_again(runs: RunsFacade, spec: Spec, effects: list[str]) -> None:
    result, checkpoints = await _history(runs, spec("asks", input=EMPTY))
    check(result, "q?")
    result = await answered(runs, result, "one")
    assert result.values == {"log": ["before", "q=one"]}
    request = {"checkpoint_id": checkpoints[("level0",)]}
    result = await asked(runs, spec("asks", checkpoint_request=request), "q?")
    result = await answered(runs, result, "two")
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["before", "q=two"]})
    _, refused = await runs.create_and_wait(spec("asks", checkpoint_request=request, command={"resume": "three"}))
    assert refused.error is not None
    assert "command.resume answers what is open now, not at an older checkpoint" in refused.error.message


async def test_the_newest_checkpoint_may_be_named_with_an_answer(
    runs: RunsFacade, spec: Spec, effects: list[str]
) -> None:
    _, checkpoints = await _history(runs, spec("asks", input=EMPTY, on_interrupt="finish"))
    request = {"checkpoint_id": checkpoints[("level0",)]}
    _, result = await runs.create_and_wait(spec("asks", checkpoint_request=request, command={"resume": "yes"}))
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["before", "q=yes"]})


async def test_in_langgraphs_long_form(runs: RunsFacade, spec: Spec, effects: list[str]) -> None:
    checkpoint_id = (await _line(runs, spec, effects))[("c",)]
    thread_id = spec("line").scope.thread_id
    long: dict[str, Any] = {
        "thread_id": thread_id,
        "checkpoint_ns": "",
        "checkpoint_id": checkpoint_id,
        "checkpoint_map": {},
    }
    _, result = await runs.create_and_wait(spec("line", checkpoint_request={"checkpoint": long}))
    assert (result.status, effects) == (RunStatus.SUCCESS, ["c"])


async def test_what_is_refused_before_anything_is_written(runs: RunsFacade, spec: Spec, effects: list[str]) -> None:
    request = {"checkpoint": {"thread_id": "other", "checkpoint_id": "x"}}
    with pytest.raises(InvalidRunError, match="checkpoint_request: the checkpoint is of thread 'other'"):
        await runs.create_background(spec("line", checkpoint_request=request))
    assert await runs.list_runs() == []


async def test_from_a_checkpoint_that_there_is_not(runs: RunsFacade, spec: Spec, effects: list[str]) -> None:
    await _line(runs, spec, effects)
    for start in ({}, {"input": {"log": ["new"]}}):
        _, result = await runs.create_and_wait(spec("line", checkpoint_request={"checkpoint_id": "nowhere"}, **start))
        assert result.status is RunStatus.ERROR
        assert result.error is not None
        assert f"thread '{result.thread_id}' has no checkpoint 'nowhere'" in result.error.message
    assert effects == []
    _, result = await runs.create_and_wait(spec("line"))
    assert result.values == {"log": ["a", "b", "c"]}, "the thread is as it was"


async def test_a_fork_that_failed_is_continued_where_it_stood(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    effects: list[str] = []
    outcomes = iter(["good", "bad", "good"])

    async def second_time_bad(state: Log) -> dict[str, Any]:
        if next(outcomes) == "bad":
            await asyncio.sleep(0.05)  # what is beside it is done first
            raise ValueError
        effects.append("flaky")
        return {"log": ["flaky"]}

    async with Worker(graphs={"graph": beside(b=step("b", effects), flaky=second_time_bad)}, settings=settings):
        result, checkpoints = await _history(runs, spec("graph", input=EMPTY))
        assert result.status is RunStatus.SUCCESS
        effects.clear()
        fork = spec("graph", checkpoint_request={"checkpoint_id": checkpoints[("b", "flaky")]})
        _, result = await runs.create_and_wait(fork)
        assert (result.status, effects) == (RunStatus.ERROR, ["b"])
        _, result = await runs.create_and_wait(spec("graph"))
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["b", "flaky", "end"]})
    assert effects == ["b", "flaky"]
