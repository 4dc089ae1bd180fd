"""`on_disconnect="cancel"`: the run ends with the client that created its stream, and never before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest
from support.forks import Program, program
from support.graphs import count_to
from support.workers import environment

from perdure import CancelAction, RunsFacade, RunSpec, RunStatus, Settings, ThreadBusyError, Worker
from perdure.bridge import open_bridge
from perdure.runtime.housekeeping import Pace
from perdure.store import SqlStore

Spec = Callable[..., RunSpec]
Client = Callable[..., Awaitable[Program]]

_CLIENT = """
import asyncio, sys, time
import perdure
from perdure.facade import streams

streams.LEASE = float(sys.argv[2])

async def main():
    async with perdure.connect() as runs:
        record, stream = await runs.create_and_stream(perdure.RunSpec.model_validate_json(sys.argv[1]))
        print(record.run_id, flush=True)
        if sys.argv[3] == "never reads":
            await asyncio.sleep(3600)
        async for event in stream:
            if sys.argv[3] == "is busy":
                time.sleep(0.5)
            print(event.event, flush=True)

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.runtime.housekeeping.PACE", Pace(0.1, 0.5, 0.5, 0.1))


@pytest.fixture
async def client(settings: Settings) -> AsyncGenerator[Client]:
    """Clients in processes of their own, which say the run's id, then the name of each event."""
    clients: list[Program] = []

    async def start(spec: RunSpec, how: str = "reads", *, lease: float = 0.6) -> Program:
        command = ("-c", _CLIENT, spec.model_dump_json(), str(lease), how)
        clients.append(await program(*command, env=environment(settings, {}), errors=2))
        return clients[-1]

    yield start
    for process in clients:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
def attended(spec: Spec) -> Callable[..., RunSpec]:
    """A run that goes on for its client's sake only."""

    def make(steps: int = 1000, **fields: object) -> RunSpec:
        return spec("counting", input=count_to(steps, 0.05), on_disconnect="cancel", **fields)

    return make


async def _says(client: Program) -> str:
    async with asyncio.timeout(20):
        return (await client.stdout.readline()).decode().strip()


async def _kill(client: Program) -> None:
    client.kill()
    await client.wait()


async def _assert_cancelled(runs: RunsFacade, run_id: str) -> None:
    async with asyncio.timeout(20):
        result = await runs.join_wait(run_id)
    assert result.status is RunStatus.INTERRUPTED
    record = await runs.get_run(run_id)
    assert record is not None
    assert record.cancel_action is CancelAction.INTERRUPT


async def test_a_client_that_is_killed_takes_its_run_along_whoever_else_reads(
    runs: RunsFacade, worker: Worker, client: Client, attended: Spec
) -> None:
    process = await client(attended())
    run_id = await _says(process)
    assert [await _says(process) for _ in range(3)] == ["metadata", "values", "values"]
    joined = await runs.join_stream(run_id)
    await _kill(process)
    assert [event.event async for event in joined][-1] == "cancel"
    await _assert_cancelled(runs, run_id)


async def test_a_client_that_is_killed_before_its_run_begins(
    runs: RunsFacade, worker: Worker, client: Client, attended: Spec, spec: Spec
) -> None:
    first = await runs.create_background(spec("counting", input=count_to(1000, 0.05)))
    process = await client(attended(), "never reads")
    run_id = await _says(process)
    await _kill(process)
    await _assert_cancelled(runs, run_id)
    record = await runs.get_run(run_id)
    assert record is not None
    assert record.started_at is None
    await runs.cancel(first.run_id)


async def test_who_joins_later_does_not_end_it_either(runs: RunsFacade, worker: Worker, attended: Spec) -> None:
    record, stream = await runs.create_and_stream(attended(5))
    joined = await runs.join_stream(record.run_id)
    await anext(joined)
    await joined.aclose()
    assert [event.event async for event in stream][-1] == "end"


async def test_a_client_that_is_there_keeps_its_run_however_busy_it_is(
    runs: RunsFacade, worker: Worker, client: Client, attended: Spec
) -> None:
    # It stands still for half a second at each of its events, and the run takes longer than a lease.
    process = await client(attended(50), "is busy", lease=2.0)
    run_id = await _says(process)
    async with asyncio.timeout(20):
        result = await runs.join_wait(run_id)
    assert result.status is RunStatus.SUCCESS


async def test_a_stream_that_nobody_reads_is_closed(runs: RunsFacade, worker: Worker, attended: Spec) -> None:
    record, stream = await runs.create_and_stream(attended())
    await stream.aclose()
    await _assert_cancelled(runs, record.run_id)


async def test_a_stream_that_nobody_reads_is_dropped(runs: RunsFacade, worker: Worker, attended: Spec) -> None:
    record, _ = await runs.create_and_stream(attended())
    del _
    await _assert_cancelled(runs, record.run_id)


async def test_a_refused_run_harms_nobody(
    runs: RunsFacade, worker: Worker, settings: Settings, attended: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.facade.streams.LEASE", 0.01)
    record = await runs.create_background(attended(20))
    with pytest.raises(ThreadBusyError):
        await runs.create_and_stream(attended(multitask_strategy="reject"))
    bridge = open_bridge(settings.bridge_url)
    await bridge.start()
    assert await bridge.abandoned() == []
    await bridge.close()
    assert (await runs.join_wait(record.run_id)).status is RunStatus.SUCCESS


async def test_a_submission_that_is_cut_off_is_cancelled(
    runs: RunsFacade, worker: Worker, attended: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.facade.streams.LEASE", 0.5)
    run_id, acknowledge = f"cut-{id(runs)}", SqlStore.mark_submitted

    async def cut_off(self: SqlStore, run_id: str, *, sequence: int | None = None) -> None:
        await acknowledge(self, run_id, sequence=sequence)
        creating.cancel()

    monkeypatch.setattr(SqlStore, "mark_submitted", cut_off)
    creating = asyncio.create_task(runs.create_and_stream(attended(run_id=run_id)))
    await asyncio.wait({creating})
    assert creating.cancelled()
    await _assert_cancelled(runs, run_id)
