"""When a slice is over, and when a graph is not to be held."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langgraph.runtime import RunControl

from perdure.activities.driver.pause_policy import PausePolicy
from perdure.activities.driver.resume_point import ResumePoint
from perdure.contracts.types import RunScope, RunSpec

from ..worlds import chain


def spec(**fields: Any) -> RunSpec:
    return RunSpec(assistant_id="graph", scope=RunScope(thread_id="thread"), **fields)


def _policy(budget: float, **fields: Any) -> tuple[PausePolicy, RunControl]:
    control = RunControl()
    policy = PausePolicy(control, spec(input={}, **fields), ResumePoint(input={}, base_step=-2), chain([], "a"))
    policy.begin_slice(budget)
    policy.on_checkpoint((), checkpoint(0, "a"))
    return policy, control


def checkpoint(step: int, *due: str) -> dict[str, Any]:
    return {"metadata": {"step": step}, "next": list(due), "tasks": [{"id": name, "name": name} for name in due]}


def result(*, interrupts: Any = (), error: str | None = None) -> dict[str, Any]:
    return {"id": "a", "name": "a", "result": {}, "interrupts": list(interrupts), "error": error}


async def test_a_slice_is_over_when_a_task_has_ended_in_it() -> None:
    policy, _ = _policy(0)
    policy.on_result((), result(error="no"))
    assert (policy.is_over, policy.progressed) == (False, False)
    policy.on_result((), result())
    assert (policy.is_over, policy.progressed) == (True, True)
    policy.begin_slice(0)
    assert not policy.is_over


async def test_a_slice_is_not_over_before_its_budget_is_spent() -> None:
    policy, _ = _policy(0.05)
    policy.on_result((), result())
    assert not policy.is_over
    await asyncio.sleep(0.06)
    assert policy.is_over


@pytest.mark.parametrize(
    ("fields", "drains", "due"), [({"durability": "exit"}, False, "a"), ({}, True, "a"), ({}, False, "")]
)
async def test_what_is_not_held(fields: dict[str, Any], drains: bool, due: str) -> None:
    policy, control = _policy(0, **fields)
    policy.on_result((), result())
    policy.on_checkpoint((), checkpoint(1, *due))
    if drains:
        control.request_drain()
    assert not policy.is_over


@pytest.mark.parametrize(("beside", "drains"), [((), True), (("b",), False)])
async def test_a_worker_that_shuts_down_drains_once_no_function_is_at_work(
    beside: tuple[str, ...], drains: bool
) -> None:
    policy, control = _policy(1000)
    policy.on_checkpoint((), checkpoint(1, "a", *beside))
    policy.pause_soon()
    assert not control.drain_requested
    policy.on_result((), result())
    assert (control.drain_requested, policy.is_over) == (drains, not drains)


async def test_the_steps_of_the_input_are_not_counted() -> None:
    policy, _ = _policy(0)
    counted: list[int] = []
    for step in (-1, 0, 1, 2):
        policy.on_checkpoint((), checkpoint(step))
        counted.append(policy.steps)
    assert counted == [0, 0, 1, 2]
