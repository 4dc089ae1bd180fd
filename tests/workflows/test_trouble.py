"""What a run waits for, and what fails again and again: its record, the command line and the Temporal UI say so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from support.graphs import asking, count_to, counting
from support.servers import until
from temporalio.client import Client

from perdure import CancelAction, RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.activities.finalizer import Finalizer
from perdure.activities.thread_restore import Threads
from perdure.contracts.errors import UnavailableError
from perdure.contracts.wire import run_workflow_id
from perdure.runtime.connection import connect_temporal

Spec = Callable[..., RunSpec]
WHY = "the state of the thread cannot be read"


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """What ends runs, restores threads and announces questions fails until the event is set."""
    mended = asyncio.Event()
    for owner, name in ((Finalizer, "finish"), (Finalizer, "announce"), (Threads, "restore")):
        monkeypatch.setattr(owner, name, _failing(getattr(owner, name), mended))
    return mended


def _failing(method: Any, mended: asyncio.Event) -> Any:
    async def fails(*args: Any, **kwargs: Any) -> Any:
        if not mended.is_set():
            raise UnavailableError(WHY)
        return await method(*args, **kwargs)

    return fails


async def _is_gone(client: Client, run_id: str) -> bool:
    return WHY not in await _shown(client, run_id)


async def _shown(client: Client, run_id: str) -> str:
    """The run's page in the Temporal UI."""
    metadata = await client.get_workflow_handle(run_workflow_id(run_id)).query("__temporal_workflow_metadata")
    return str(metadata.current_details)


@pytest.mark.parametrize(
    ("graph", "given", "cancel", "status"),
    [
        ("counting", count_to(1), None, RunStatus.SUCCESS),
        ("counting", count_to(1000, 0.05), CancelAction.ROLLBACK, RunStatus.ROLLED_BACK),
        ("asking", {"log": []}, None, RunStatus.AWAITING_INPUT),
    ],
    ids=["its end", "its rollback", "its question"],
)
async def test_it_is_told_how_often_and_why(
    runs: RunsFacade, settings: Settings, spec: Spec, broken: asyncio.Event,
    graph: str, given: Any, cancel: CancelAction | None, status: RunStatus,
) -> None:  # fmt: skip
    client = await connect_temporal(settings)

    async def in_trouble() -> bool:
        now = await runs.get_run(record.run_id)
        return now is not None and now.trouble is not None and now.trouble.count >= 2

    async def on_its_page() -> bool:
        return "2 failed since" in await _shown(client, record.run_id)

    async with Worker(graphs={"counting": counting(), "asking": asking("name?")}, settings=settings):
        record, stream = await runs.create_and_stream(spec(graph, input=given))
        if cancel:
            await anext(event async for event in stream if event.event == "values")
            await runs.cancel(record.run_id, action=cancel)
        await until(in_trouble)
        troubled = await runs.get_run(record.run_id)
        assert troubled is not None
        assert troubled.trouble is not None
        assert (troubled.trouble.type, troubled.trouble.message) == ("UnavailableError", WHY)
        await until(on_its_page)
        assert WHY in await _shown(client, record.run_id)
        broken.set()
        assert (await runs.join_wait(record.run_id)).status is status
        ended = await runs.get_run(record.run_id)
        assert ended is not None
        assert ended.trouble is None
        await until(lambda: _is_gone(client, record.run_id))  # its workflow ends a moment after its record
