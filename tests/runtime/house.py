"""A worker's parts on a real Temporal server, without the worker: workflows stand still here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from support.graphs import counting
from temporalio.client import Client, WorkflowHandle

from perdure import RunScope, RunSpec, RunStatus, Settings
from perdure.activities import BackEnds, load_graphs
from perdure.activities.finalizer import Finalizer
from perdure.bridge import open_bridge
from perdure.bridge.contract import Bridge
from perdure.checkpoints.open import open_checkpoints
from perdure.contracts.settings import RunSettings
from perdure.contracts.types import StreamEvent
from perdure.contracts.wire import RUN_WORKFLOW, run_workflow_id
from perdure.facade.planner import ExecutionPlanner
from perdure.runtime.connection import connect_temporal
from perdure.runtime.housekeeping import Housekeeping
from perdure.runtime.repair import Repair
from perdure.store.contract import Store
from perdure.store.open import open_store


@dataclass(frozen=True, slots=True)
class House:
    """A worker's parts, without the worker."""

    client: Client
    task_queue: str
    ends: BackEnds
    ending: Finalizer

    @property
    def store(self) -> Store:
        return self.ends.store

    @property
    def bridge(self) -> Bridge:
        return self.ends.bridge

    def repair(self, client: Client | None = None, task_queue: str | None = None) -> Repair:
        return Repair(client or self.client, task_queue or self.task_queue, self.ends, self.ending)

    def housekeeping(self, client: Client | None = None, bridge: Bridge | None = None) -> Housekeeping:
        return Housekeeping(
            client=client or self.client,
            task_queue=self.task_queue,
            ends=replace(self.ends, bridge=bridge or self.bridge),
            ending=self.ending,
        )

    async def draft(
        self, *, thread_id: str | None = None, age: timedelta = timedelta(), temporal: str | None = None
    ) -> str:
        """A run that was made ready to be submitted, that long ago."""
        scope = RunScope(thread_id=thread_id) if thread_id else RunScope(kind="stateless")
        plan = ExecutionPlanner(RunSettings()).plan(RunSpec(assistant_id="counting", scope=scope))
        created = datetime.now(UTC) - age
        record = plan.record.model_copy(update={"created_at": created, "updated_at": created})
        await self.store.create(record, plan.spec, temporal=temporal)
        await self.bridge.create(plan.run_id)
        return plan.run_id

    async def submitted(
        self, *, thread_id: str | None = None, age: timedelta = timedelta(seconds=1), temporal: str | None = None
    ) -> str:
        run_id = await self.draft(thread_id=thread_id, age=age, temporal=temporal)
        await self.store.mark_submitted(run_id)
        return run_id

    async def workflow(self, run_id: str, *, task_queue: str | None = None) -> WorkflowHandle[Any, Any]:
        """A workflow for a run. Nobody executes it."""
        queue = task_queue or self.task_queue
        return await self.client.start_workflow(RUN_WORKFLOW, id=run_workflow_id(run_id), task_queue=queue)

    async def terminated(self, run_id: str, *, task_queue: str | None = None) -> None:
        await (await self.workflow(run_id, task_queue=task_queue)).terminate(reason="the operator's reason")

    async def status(self, run_id: str) -> RunStatus | None:
        stored = await self.store.get(run_id)
        return None if stored is None else stored.record.status

    async def ended(self, run_id: str) -> bool:
        return await self.status(run_id) is RunStatus.ERROR

    async def events(self, run_id: str) -> list[StreamEvent]:
        """All of a stream that has an end."""
        async with asyncio.timeout(10):
            return [event async for event in self.bridge.subscribe(run_id)]


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncGenerator[House]:
    graphs = await load_graphs({"counting": counting()})
    store, bridge = open_store(settings.store_url), open_bridge(settings.bridge_url)
    checkpoints = open_checkpoints(settings.checkpointer_url)
    parts = (store, bridge, checkpoints)
    for part in parts:
        await part.start()
    client = await connect_temporal(settings)
    ends = BackEnds(graphs, bridge, store, checkpoints)
    yield House(client, settings.temporal.task_queue, ends, Finalizer(ends))
    for part in reversed(parts):
        await part.close()


async def client_of_a_server_that_went_away(address: str) -> Client:
    """A client whose server has gone away."""
    host, _, port = address.partition(":")
    streams: list[asyncio.StreamWriter] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        streams.append(writer)
        with suppress(ConnectionError):
            while data := await reader.read(2**16):
                writer.write(data)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pass_on(reader, there_writer), pass_on(there_reader, writer))

    async with await asyncio.start_server(connected, "127.0.0.1") as proxy:
        client = await Client.connect(f"127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
    for stream in streams:
        stream.close()
    return client
