"""The small parts of the activities: fences, failures, pace, the cache of specs, the keys of events."""

from __future__ import annotations

import asyncio
import random
from typing import Any, cast

import pytest
from langgraph.runtime import RunControl

from perdure.activities.attempt.failures import graph_failure, run_error
from perdure.activities.attempt.fence import attempt_fence
from perdure.activities.attempt.spec_cache import SpecCache
from perdure.activities.driver.pause_policy import PausePolicy
from perdure.activities.driver.resume_point import ResumePoint
from perdure.activities.graphs.run_config import recursion_limit, run_config
from perdure.activities.stream.deduplicator import Deduplicator
from perdure.contracts.errors import RunNotFoundError
from perdure.contracts.types import RunScope, RunSpec
from perdure.contracts.wire import ERROR_GRAPH, GraphFailure
from perdure.store.contract import RunQueryStore

from .worlds import chain


def spec(**fields: Any) -> RunSpec:
    return RunSpec(assistant_id="graph", scope=RunScope(thread_id="thread"), **fields)


def test_a_later_attempt_has_a_larger_fence() -> None:
    numbers = random.Random(1)
    for _ in range(200):
        base, attempt = numbers.randint(0, 2**41), numbers.randint(1, 10**5)
        assert attempt_fence(base, attempt) < attempt_fence(base, attempt + 1) < attempt_fence(base + 1, 1)


def test_fences_fit_into_a_databases_integer_and_never_reach_the_next_activity() -> None:
    in_2100 = 4_102_444_800_000
    assert attempt_fence(in_2100, 2**40) < attempt_fence(in_2100 + 1, 1) < 2**62


def test_an_error_names_its_class_and_its_cause() -> None:
    error = run_error(KeyError("x"))
    assert (error.type, error.message) == ("KeyError", "'x'")
    assert run_error(ValueError()).message == "ValueError()"
    assert run_error(RunNotFoundError("r")).type == "perdure.contracts.errors.RunNotFoundError"


def test_a_long_error_is_cut_where_it_says_less() -> None:
    try:
        raise ValueError("begin" + "x" * 10_000)
    except ValueError as exc:
        error = run_error(exc)
    assert len(error.message) == 4_000
    assert error.message.startswith("begin")
    assert error.traceback is not None
    assert len(error.traceback) == 16_000 or error.traceback.startswith("Traceback")


def test_a_graphs_failure_carries_its_classes_and_is_not_retried_by_temporal() -> None:
    failure = graph_failure(ModuleNotFoundError("no"), attempt=3)
    assert (failure.type, failure.non_retryable) == (ERROR_GRAPH, True)
    details = cast("GraphFailure", failure.details[0])
    assert details.classes[:3] == ["ModuleNotFoundError", "ImportError", "Exception"]
    assert (details.attempt, details.error.message) == (3, "no")


def test_the_runs_config_keeps_what_the_spec_says_and_adds_the_ids() -> None:
    given = spec(
        runnable_config={"configurable": {"user": "u"}, "tags": ["t"], "metadata": {"own": 1}}, metadata={"more": 2}
    )
    config = run_config(given, "run", "thread")
    assert config.get("configurable") == {"user": "u", "thread_id": "thread"}
    assert config.get("tags") == ["t"]
    ids = {"perdure_run_id": "run", "thread_id": "thread", "assistant_id": "graph"}
    assert config.get("metadata") == {"own": 1, "more": 2, **ids}
    assert given.runnable_config["configurable"] == {"user": "u"}


def test_a_run_cannot_pass_for_another_in_its_metadata() -> None:
    given = spec(runnable_config={"metadata": {"run_id": "other"}}, metadata={"run_id": "other"})
    metadata = run_config(given, "run", "thread").get("metadata", {})
    assert metadata["perdure_run_id"] == "run"
    assert "run_id" not in metadata  # by which LangGraph takes a nested graph's input for applied


@pytest.mark.parametrize(
    ("of_spec", "of_graph", "expected"), [(None, None, 10007), (None, 7, 7), (5, 7, 5), (5, None, 5)]
)
def test_the_specs_recursion_limit_comes_before_the_graphs(
    of_spec: int | None, of_graph: int | None, expected: int
) -> None:
    graph = chain([], "a")
    if of_graph is not None:
        graph = graph.with_config({"recursion_limit": of_graph})
    given = spec(runnable_config={} if of_spec is None else {"recursion_limit": of_spec})
    assert recursion_limit(given, graph) == expected


class Store:
    """Counts its reads."""

    def __init__(self) -> None:
        self.reads: list[str] = []

    async def get_spec(self, run_id: str) -> RunSpec:
        self.reads.append(run_id)
        if run_id == "unknown":
            raise RunNotFoundError(run_id)
        return spec(run_id=run_id, input={"large": 1} if run_id != "none" else None)


async def test_a_spec_is_read_once_and_kept_without_its_input() -> None:
    store = Store()
    cache = SpecCache(cast("RunQueryStore", store))
    assert (await cache.full("run")).input == {"large": 1}
    kept = [await cache.without_input("run") for _ in range(3)]
    assert store.reads == ["run"]
    assert {str(one.input) for one in kept} == {"(left out)"}
    assert (await cache.without_input("none")).input is None


async def test_a_dropped_spec_is_read_again_and_an_unknown_one_raises() -> None:
    store = Store()
    cache = SpecCache(cast("RunQueryStore", store))
    await cache.without_input("run")
    cache.drop("run")
    cache.drop("never seen")
    await cache.without_input("run")
    assert store.reads == ["run", "run"]
    with pytest.raises(RunNotFoundError):
        await cache.full("unknown")


async def test_the_cache_of_specs_is_bounded() -> None:
    store = Store()
    cache = SpecCache(cast("RunQueryStore", store))
    for number in range(501):
        await cache.full(f"run-{number}")
    await cache.without_input("run-500")
    await cache.without_input("run-0")
    assert store.reads.count("run-0") == 2
    assert store.reads.count("run-500") == 1


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


def test_the_key_of_an_event_tells_what_is_reported_again() -> None:
    once = Deduplicator("run", ("values", "updates", "tasks", "checkpoints"), subgraphs=True)
    task: dict[str, Any] = {"id": "T", "name": "a", "input": {}, "triggers": []}
    assert [found.key for found in once.feed((), "tasks", task)] == ["ti\n\nT"]
    assert list(once.feed((), "updates", {"a": {}})) == []
    reported = list(once.feed((), "tasks", {"id": "T", "name": "a", "result": {}, "interrupts": [], "error": None}))
    assert [(found.event, found.key, (found.task or found.checkpoint)) for found in reported] == [
        ("updates", "u\n\nT", "T"),
        ("tasks", "tr\n\nT", "T"),
    ]


def test_events_of_subgraphs_are_left_out_unless_they_are_wanted() -> None:
    task: dict[str, Any] = {"id": "T", "name": "a", "input": {}, "triggers": []}
    for wanted in (True, False):
        once = Deduplicator("run", ("tasks",), subgraphs=wanted)
        found = [outgoing.event for outgoing in once.feed(("inner:1",), "tasks", task)]
        assert found == (["tasks|inner:1"] if wanted else [])
