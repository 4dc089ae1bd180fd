"""Runs that ask, as a test drives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perdure import RunsFacade, RunSpec, RunStatus, WaitResult

EMPTY: dict[str, Any] = {"log": []}


async def asked(runs: RunsFacade, spec: RunSpec, *questions: Any) -> WaitResult:
    """A new run that asks exactly these questions."""
    _, result = await runs.create_and_wait(spec)
    check(result, *questions)
    return result


def check(result: WaitResult, *questions: Any) -> None:
    assert result.status is RunStatus.AWAITING_INPUT, result
    assert [one.value for one in result.interrupts] == list(questions)


def ids(result: WaitResult) -> dict[str, str]:
    """The id of each question."""
    return {one.value: one.id for one in result.interrupts}


async def answered(runs: RunsFacade, result: WaitResult, value: Any) -> WaitResult:
    """How the run stands after the answer."""
    await runs.resume(result.run_id, value)
    return await runs.join_wait(result.run_id)


async def answered_by_name(runs: RunsFacade, result: WaitResult, answers: Mapping[str, Any]) -> WaitResult:
    """The same, with the questions in place of their ids."""
    named = ids(result)
    return await answered(runs, result, {named[question]: value for question, value in answers.items()})
