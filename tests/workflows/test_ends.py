"""How a run ends: its status, its error, its stream and its record agree."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support.graphs import count_to, failing

from perdure import InvalidRunError, RetryPolicy, RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.types import TERMINAL_EVENTS

Spec = Callable[..., RunSpec]
Cli = Callable[..., Awaitable[str]]


async def _events(runs: RunsFacade, run_id: str) -> list[tuple[str, Any]]:
    return [(event.event, event.data) async for event in await runs.join_stream(run_id)]


async def test_success(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    record, result = await runs.create_and_wait(spec("counting", input=count_to(3), metadata={"team": "red"}))
    assert (result.status, result.error, result.values["log"]) == (RunStatus.SUCCESS, None, [0, 1, 2])
    found = await runs.get_run(record.run_id)
    assert found is not None
    assert (found.status, found.steps, found.attempt, found.metadata) == (RunStatus.SUCCESS, 3, 1, {"team": "red"})
    events = await _events(runs, record.run_id)
    assert events[0] == ("metadata", {"run_id": record.run_id, "thread_id": record.thread_id, "attempt": 1})
    assert [name for name, _ in events if name in TERMINAL_EVENTS] == ["end"]


async def test_a_graph_that_raises(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    record, result = await runs.create_and_wait(spec("failing", input={"log": []}))
    assert result.status is RunStatus.ERROR
    assert result.error is not None
    assert (result.error.type, result.error.message) == ("ValueError", "no luck")
    assert result.error.traceback is not None
    assert "raise error" in result.error.traceback
    assert result.values == {"log": ["good"]}, "the finished superstep is kept"
    assert (await _events(runs, record.run_id))[-1][0] == "error"


async def test_a_graph_that_raises_more_than_temporal_takes(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    error = ValueError("no luck " * 1_000_000)
    error.__cause__ = RuntimeError("bad weather " * 1_000_000)
    async with Worker(graphs={"failing": failing(error)}, settings=settings):
        record, result = await runs.create_and_wait(spec("failing", input={"log": []}))
    assert result.status is RunStatus.ERROR
    assert result.error is not None
    assert result.error.message.startswith("no luck no luck")
    found = await runs.get_run(record.run_id)
    assert found is not None
    assert found.attempt == 1


async def test_a_failed_run_goes_on_in_a_new_one(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    await runs.create_and_wait(spec("failing-twice", input={"log": []}))
    await runs.create_and_wait(spec("failing-twice"))
    _, result = await runs.create_and_wait(spec("failing-twice"))
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["good", "bad"]})


async def test_retries_by_the_specs_policy(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    policy = RetryPolicy(max_attempts=3, initial_interval=0.01, retry_on=("Exception",))
    record, result = await runs.create_and_wait(spec("failing-twice", input={"log": []}, retry=policy))
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["good", "bad"]})
    attempts = [data["attempt"] for name, data in await _events(runs, record.run_id) if name == "metadata"]
    assert attempts == [1, 2, 3]


async def test_an_error_that_the_policy_does_not_name(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    policy = RetryPolicy(max_attempts=3, initial_interval=0.01, retry_on=("KeyError",))
    record, result = await runs.create_and_wait(spec("failing-twice", input={"log": []}, retry=policy))
    assert result.status is RunStatus.ERROR
    found = await runs.get_run(record.run_id)
    assert found is not None
    assert found.attempt == 1


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"run_timeout": 0.5}, "the run took longer than run_timeout (0.5 s)"),
        ({"step_timeout": 1.0}, "a superstep took longer than step_timeout (1 s)"),
    ],
)
async def test_timeouts(runs: RunsFacade, worker: Worker, spec: Spec, limits: dict[str, float], reason: str) -> None:
    record, result = await runs.create_and_wait(spec("counting", input=count_to(2, 60), **limits))
    assert result.status is RunStatus.TIMEOUT
    assert result.error is not None
    assert result.error.message == reason
    assert (await _events(runs, record.run_id))[-1][0] == "error"


async def test_interrupt_stops_at_the_boundary(runs: RunsFacade, worker: Worker, spec: Spec, cli: Cli) -> None:
    record, stream = await runs.create_and_stream(spec("counting", input=count_to(1000, 0.1)))
    async for event in stream:
        if event.event == "values" and event.data["log"]:
            break
    await cli("signal", "--workflow-id", f"run-{record.run_id}", "--name", "interrupt")
    result = await runs.join_wait(record.run_id)
    assert result.status is RunStatus.INTERRUPTED
    found = await runs.get_run(record.run_id)
    assert found is not None
    assert found.steps == len(result.values["log"]) > 0
    _, result = await runs.create_and_wait(spec("counting", input={"log": [], "steps": found.steps + 1, "delay": 0}))
    assert result.values["log"] == list(range(found.steps + 1))


async def test_signals_that_are_malformed_change_nothing(
    runs: RunsFacade, worker: Worker, spec: Spec, cli: Cli
) -> None:
    record = await runs.create_background(spec("counting", input=count_to(40, 0.05)))
    signals: list[tuple[str, list[str]]] = [
        ("cancel", ['"x"']), ("cancel", ["[]"]), ("cancel", ['{"action": "explode"}']),
        ("cancel", ['{"action": "ROLLBACK"}']), ("cancel", ['{"action": "interrupt"}', "2"]),
        ("cancel", ['{"action": "interrupt", "more": 1}']), ("resume", []), ("resume", ["[1]"]),
        ("resume", ['{"value": 1}']), ("nonsense", ["1"]),
    ]  # fmt: skip
    await asyncio.gather(
        *(
            cli(
                *("signal", "--workflow-id", f"run-{record.run_id}", "--name", name),
                *(part for text in inputs for part in ("--input", text)),
            )
            for name, inputs in signals
        )
    )
    assert (await runs.join_wait(record.run_id)).status is RunStatus.SUCCESS


async def test_a_run_that_waits_before_it_starts(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    record, result = await runs.create_and_wait(spec("counting", input=count_to(1), after_seconds=1))
    assert result.status is RunStatus.SUCCESS
    found = await runs.get_run(record.run_id)
    assert found is not None
    assert found.started_at is not None
    assert (found.started_at - found.created_at).total_seconds() >= 1


async def test_deleting_a_run_in_flight(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    record = await runs.create_background(spec("counting", input=count_to(1000, 0.05)))
    assert await runs.delete_run(record.run_id)
    assert await runs.get_run(record.run_id) is None
    assert not await runs.delete_run(record.run_id)


async def test_the_id_of_a_deleted_run_is_used_up(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    run = spec("counting", input=count_to(1))
    run = run.model_copy(update={"run_id": f"once-{run.scope.thread_id}"})
    record, _ = await runs.create_and_wait(run)
    assert await runs.delete_run(record.run_id)
    with pytest.raises(InvalidRunError, match="stood for a deleted run"):
        await runs.create_background(run)
    assert await runs.get_run(record.run_id) is None


async def test_a_client_that_goes_away_cancels_if_it_was_asked_to(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    record, stream = await runs.create_and_stream(spec("counting", input=count_to(1000, 0.05), on_disconnect="cancel"))
    await anext(stream)
    await stream.aclose()
    assert (await runs.join_wait(record.run_id)).status is RunStatus.INTERRUPTED
