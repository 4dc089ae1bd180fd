"""What a user's editor and type checker say of the facade. No test runs this: pyright does, with the rest."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import AsyncIterable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import assert_type

from langgraph.store.base import BaseStore
from temporalio.client import Client

import perdure
from perdure import (
    CancelAction,
    Delivery,
    RunEvent,
    RunPage,
    RunRecord,
    RunsFacade,
    RunSpec,
    RunStatus,
    RunStream,
    Settings,
    StreamEvent,
    ThreadRecord,
    ThreadSnapshot,
    WaitResult,
)


async def connecting(settings: Settings, client: Client) -> None:
    opened: AbstractAsyncContextManager[RunsFacade] = perdure.connect()
    async with opened as runs, perdure.connect(settings=settings, client=client) as others:
        assert_type(runs, RunsFacade)
        assert_type(others, RunsFacade)
    perdure.connect(config="perdure.yaml")
    perdure.connect(config=Path("perdure.yaml"))
    perdure.connect(settings)  # pyright: ignore[reportCallIssue]


async def submitting(runs: RunsFacade, spec: RunSpec) -> None:
    assert_type(await runs.create_background(spec), RunRecord)
    assert_type(await runs.create_and_wait(spec), tuple[RunRecord, WaitResult])
    assert_type(await runs.create_and_stream(spec), tuple[RunRecord, RunStream])
    assert_type(await runs.retry("run", new_run_id="another"), RunRecord)
    await runs.create_background("agent")  # pyright: ignore[reportArgumentType]


async def following(runs: RunsFacade) -> None:
    stream = await runs.join_stream("run", last_event_id="7", heartbeat_interval=15)
    assert_type(stream, RunStream)
    events: AsyncIterable[StreamEvent] = stream
    async for event in events:
        assert_type(event, StreamEvent)
    async for event in stream:
        assert_type(event.event, str)
    result = await runs.join_wait("run", last_event_id=7)
    assert_type(result, WaitResult)
    assert_type(result.status, RunStatus)


async def steering(runs: RunsFacade) -> None:
    assert_type(await runs.cancel("run", action=CancelAction.ROLLBACK), bool)
    assert_type(await runs.cancel("run", action="rollback"), bool)
    assert_type(await runs.interrupt("run"), bool)
    assert_type(await runs.resume("run", {"any": "thing"}), None)
    await runs.cancel("run", CancelAction.ROLLBACK)  # pyright: ignore[reportCallIssue]


async def looking(runs: RunsFacade, since: datetime) -> None:
    assert_type(await runs.get_run("run"), RunRecord | None)
    assert_type(await runs.list_runs("thread", limit=5), list[RunRecord])
    page = await runs.page_runs(status=["error", RunStatus.TIMEOUT], assistant_id="agent", since=since)
    assert_type(page, RunPage)
    assert_type(await runs.page_runs(status="error", before="cursor"), RunPage)
    assert_type(await runs.list_deliveries("run"), list[Delivery])
    assert_type(await runs.list_events("run", types=["x"], newest_first=True), list[RunEvent])
    assert_type(runs.store, BaseStore)
    print((await runs.get_run("run")).status)  # noqa: T201  # pyright: ignore[reportOptionalMemberAccess]


async def threads(runs: RunsFacade) -> None:
    assert_type(await runs.get_thread("thread"), ThreadRecord | None)
    assert_type(await runs.list_threads(status="idle", metadata={"team": "a"}), list[ThreadRecord])
    assert_type(await runs.get_state("thread", "checkpoint"), ThreadSnapshot | None)
    assert_type(await runs.history("thread", limit=3), list[ThreadSnapshot])
    assert_type(await runs.update_state("thread", {"n": 1}, as_node="node"), ThreadSnapshot | None)
    assert_type(await runs.delete_run("run"), bool)
    assert_type(await runs.delete_thread("thread"), bool)
