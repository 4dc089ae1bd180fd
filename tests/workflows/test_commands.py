"""`on_interrupt="finish"` leaves the questions to a later run, which answers by `command`; `update` and `goto`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pydantic import ValidationError

from perdure import RunsFacade, RunSpec, RunStatus, Settings, WaitResult, Worker

from .asked import EMPTY, check, ids
from .graphs import chain, question, step, three_questions

Spec = Callable[..., RunSpec]
UNKNOWN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
async def effects(settings: Settings) -> AsyncIterator[list[str]]:
    effects: list[str] = []
    steps = {name: step(name, effects) for name in "xyz"}
    graphs = {
        "three": three_questions(effects),
        "two": chain(first=question("first", effects), second=question("second", effects)),
        "line": chain(**steps),
    }
    async with Worker(graphs=graphs, settings=settings):
        yield effects


async def _finished(runs: RunsFacade, spec: RunSpec, *questions: str) -> WaitResult:
    """A run that ended at its questions."""
    record, result = await runs.create_and_wait(spec.model_copy(update={"on_interrupt": "finish"}))
    assert result.status is RunStatus.INTERRUPTED
    assert [one.value for one in result.interrupts] == list(questions)
    last = [event async for event in await runs.join_stream(record.run_id)][-1]
    assert (last.event, last.data["status"], last.data["cancel_action"]) == ("end", "interrupted", None)
    return result


async def _refused(runs: RunsFacade, spec: RunSpec) -> str:
    """Why a run could not start."""
    _, result = await runs.create_and_wait(spec)
    assert result.status is RunStatus.ERROR
    assert result.error is not None
    return result.error.message


async def test_one_question(runs: RunsFacade, spec: Spec, effects: list[str]) -> None:
    await _finished(runs, spec("two", input=EMPTY), "first?")
    await _finished(runs, spec("two", command={"resume": 1}), "second?")
    _, result = await runs.create_and_wait(spec("two", command={"resume": 2}, on_interrupt="finish"))
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["first=1", "second=2"]})
    assert effects == ["first", "second"]


async def test_several_questions(runs: RunsFacade, spec: Spec, effects: list[str]) -> None:
    named = ids(await _finished(runs, spec("three", input=EMPTY), "a?", "b?", "c?"))
    some = {named["a?"]: 1, named["c?"]: 3}
    await _finished(runs, spec("three", command={"resume": some}), "b?")
    _, result = await runs.create_and_wait(spec("three", command={"resume": 2}))
    assert result.values == {"log": ["a=1", "b=2", "c=3", "work", "end"]}
    assert sorted(effects) == ["a", "b", "c", "work"]


async def test_a_question_of_a_run_that_was_cancelled(runs: RunsFacade, spec: Spec, effects: list[str]) -> None:
    record, result = await runs.create_and_wait(spec("two", input=EMPTY))
    check(result, "first?")
    await runs.cancel(record.run_id)
    _, result = await runs.create_and_wait(spec("two", command={"resume": 1}))
    check(result, "second?")


async def test_update_and_goto(runs: RunsFacade, spec: Spec, effects: list[str]) -> None:
    await runs.create_and_wait(spec("line", input=EMPTY))
    effects.clear()
    _, result = await runs.create_and_wait(spec("line", command={"update": {"log": ["told"]}, "goto": "y"}))
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["x", "y", "z", "told", "y", "z"]})
    assert effects == ["y", "z"]


@pytest.mark.parametrize(
    ("resume", "why"),
    [
        ("yes", "command.resume: several questions are open; answer as {interrupt_id: value}, with ids of "),
        ({UNKNOWN: "yes"}, f"command.resume: no open question has the id {UNKNOWN}; open: "),
    ],
)
async def test_an_answer_that_fits_nothing(
    runs: RunsFacade, spec: Spec, effects: list[str], resume: Any, why: str
) -> None:
    result = await _finished(runs, spec("three", input=EMPTY), "a?", "b?", "c?")
    message = await _refused(runs, spec("three", command={"resume": resume}))
    assert why in message
    assert all(id in message for id in ids(result).values())
    _, again = await runs.create_and_wait(spec("three", command={"resume": {ids(result)["a?"]: 1}}))
    check(again, "b?", "c?")


async def test_an_answer_where_nothing_was_asked(runs: RunsFacade, spec: Spec, effects: list[str]) -> None:
    await runs.create_and_wait(spec("line", input=EMPTY))
    for resume in ("yes", {UNKNOWN: "yes"}):
        assert "command.resume: no " in await _refused(runs, spec("line", command={"resume": resume}))


async def test_a_goto_to_a_node_that_there_is_not(runs: RunsFacade, spec: Spec, effects: list[str]) -> None:
    await runs.create_and_wait(spec("line", input=EMPTY))
    effects.clear()
    message = await _refused(runs, spec("line", command={"update": {"log": ["told"]}, "goto": ["y", "yy"]}))
    assert "command.goto: the graph has no node 'yy' (did you mean 'y'?); it has x, y, z" in message
    _, result = await runs.create_and_wait(spec("line", command={"goto": "z"}))
    assert result.values["log"] == ["x", "y", "z", "z"], "the update was not applied, either"


@pytest.mark.parametrize("command", [{}, {"resume": None}, {"goto": []}])
def test_a_command_that_is_empty(spec: Spec, command: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="the command is empty"):
        spec("line", command=command)
