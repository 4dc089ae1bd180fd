"""`PerdurePlugin`: a team's own client and worker serve graphs, with the team's codec, interceptors and workflows."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import timedelta
from itertools import cycle
from typing import Any

import pytest
from support.graphs import Gate, asking, counting
from support.greeting import Greeting, greet
from temporalio import activity
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, PayloadCodec
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    Replayer,
    Worker,
)

import perdure
from perdure import ConfigError, PerdurePlugin, RunScope, RunSpec, RunStatus, Settings, WorkerStoppedError
from perdure.contracts.settings import WorkerSettings
from perdure.contracts.wire_serving import short_task_queue

SECRET = "the recipe of the cheese"


class Cipher(PayloadCodec):
    """Enough of one to see what was left open. What the CLI sends unencrypted is let in."""

    def _mixed(self, data: bytes) -> bytes:
        return bytes(one ^ two for one, two in zip(data, cycle(hashlib.sha256(b"key").digest()), strict=False))

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        sealed = [self._mixed(payload.SerializeToString()) for payload in payloads]
        return [Payload(metadata={"encoding": b"binary/sealed"}, data=data) for data in sealed]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._open(payload) for payload in payloads]

    def _open(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != b"binary/sealed":
            return payload
        return Payload.FromString(self._mixed(payload.data))


class Watcher(Interceptor):
    """Notes each activity, and on which task queue."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        seen = self.seen

        class Inbound(ActivityInboundInterceptor):
            async def execute_activity(self, input: ExecuteActivityInput) -> Any:
                seen.append((activity.info().activity_type, activity.info().task_queue))
                return await super().execute_activity(input)

        return Inbound(next)


@pytest.fixture
async def plain(settings: Settings) -> Client:
    """A client that knows nothing of Perdure."""
    assert settings.temporal.address
    return await Client.connect(settings.temporal.address, data_converter=pydantic_data_converter)


def spec(graph: str = "counting", thread_id: str = "", **more: Any) -> RunSpec:
    scope = RunScope(thread_id=thread_id) if thread_id else RunScope(kind="stateless")
    given: dict[str, Any] = {"log": [SECRET], "steps": 3, "delay": 0.0} if graph == "counting" else {"log": []}
    return RunSpec(assistant_id=graph, scope=scope, input=given, **more)


async def test_a_teams_worker_with_codec_interceptor_and_a_workflow_of_its_own(settings: Settings) -> None:
    watcher, queue = Watcher(), settings.temporal.task_queue
    converter = dataclasses.replace(DataConverter.default, payload_codec=Cipher())
    plugin = PerdurePlugin({"counting": counting(), "asking": asking(SECRET)}, settings=settings)
    assert settings.temporal.address
    client = await Client.connect(settings.temporal.address, data_converter=converter, plugins=[plugin])
    worker = Worker(client, task_queue=queue, workflows=[Greeting], activities=[greet], interceptors=[watcher])
    async with worker, perdure.connect(settings=settings, client=client) as runs:
        await plugin.serving()
        assert await client.execute_workflow(Greeting.run, "Ann", id=f"own-{queue}", task_queue=queue) == "Hello Ann"
        record, result = await runs.create_and_wait(spec(thread_id=queue))
        assert (result.status, result.values["log"]) == (RunStatus.SUCCESS, [SECRET, 1, 2])
        asked, question = await runs.create_and_wait(spec("asking", f"{queue}-2"))
        assert question.interrupts[0].value == SECRET
        await runs.resume(asked.run_id, SECRET)
        assert (await runs.join_wait(asked.run_id)).values["log"] == [SECRET, "after"]
    names = {f"run-{record.run_id}", f"run-{asked.run_id}", f"thread-{queue}", f"thread-{queue}-2"}
    histories = [await client.get_workflow_handle(name).fetch_history() for name in names]
    assert all(SECRET.encode() not in event.SerializeToString() for one in histories for event in one.events)
    assert {("greet", queue), ("run_supersteps", queue), ("announce_questions", queue)} <= {*watcher.seen}
    await Replayer(workflows=[], plugins=[plugin], data_converter=converter).replay_workflow(histories[0])


async def test_it_serves_while_the_worker_runs_and_hands_its_runs_on(settings: Settings, plain: Client) -> None:
    gate = Gate()
    graph = gate.graph("a", "b", "c", gate="b")
    plugin = PerdurePlugin({"gate": graph}, settings=settings)
    queue = settings.temporal.task_queue
    async with perdure.connect(settings=settings, client=plain) as runs:
        async with Worker(plain, task_queue=queue, plugins=[plugin]):
            await plugin.serving()
            record = await runs.create_background(spec("gate", queue))
            await gate.reached.wait()
            asyncio.get_running_loop().call_later(0.3, gate.opened.set)
        ended = await runs.get_run(record.run_id)
        assert ended is not None
        assert ended.status is RunStatus.RUNNING, "the worker is down in the middle of it"
        async with perdure.Worker(graphs={"gate": graph}, settings=settings):
            assert (await runs.join_wait(record.run_id)).values["log"] == ["a", "b", "c"]
    assert gate.work == ["a", "b", "c"], "no step was repeated"


@pytest.mark.parametrize("times", [1, 2])
async def test_it_may_be_on_the_client_and_on_the_worker(settings: Settings, times: int) -> None:
    plugin = PerdurePlugin({"counting": counting()}, settings=settings)
    assert settings.temporal.address
    client = await Client.connect(settings.temporal.address, plugins=[plugin])
    again = [plugin] if times == 2 else []
    with pytest.warns(UserWarning, match="same plugin type") if again else nullcontext():
        worker = Worker(client, task_queue=settings.temporal.task_queue, plugins=again)
    async with worker, perdure.connect(settings=settings, client=client) as runs:
        await plugin.serving()
        _, result = await runs.create_and_wait(spec())
        assert result.status is RunStatus.SUCCESS


async def test_its_task_queue_is_the_workers(settings: Settings, plain: Client) -> None:
    other = settings.model_copy(update={"temporal": settings.temporal.model_copy(update={"task_queue": "unused"})})
    plugin = PerdurePlugin({"counting": counting()}, settings=other)
    async with (
        Worker(plain, task_queue=settings.temporal.task_queue, plugins=[plugin]),
        perdure.connect(settings=settings, client=plain) as runs,
    ):
        await plugin.serving()
        _, result = await runs.create_and_wait(spec())
        assert result.status is RunStatus.SUCCESS


async def test_what_its_slices_need_is_set_and_the_rest_left(settings: Settings, plain: Client) -> None:
    ours = settings.model_copy(update={"worker": WorkerSettings(graceful_shutdown=20, sticky_timeout=2)})
    plugin = PerdurePlugin({"counting": counting()}, settings=ours)
    worker = Worker(
        plain,
        task_queue="q",
        plugins=[plugin],
        graceful_shutdown_timeout=timedelta(seconds=5),
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
        max_concurrent_activities=7,
    )
    config = worker.config(active_config=True)
    assert config.get("graceful_shutdown_timeout") == timedelta(seconds=20)
    assert config.get("sticky_queue_schedule_to_start_timeout") == timedelta(seconds=1)
    assert config.get("max_concurrent_activities") == 7


async def test_a_client_without_pydantic_is_refused(settings: Settings) -> None:
    assert settings.temporal.address
    client = await Client.connect(settings.temporal.address)
    plugin = PerdurePlugin({"counting": counting()}, settings=settings)
    with pytest.raises(ConfigError, match=r"pydantic's: make it with Client\.connect\(…, plugins="):
        Worker(client, task_queue="q", plugins=[plugin])
    with pytest.raises(ConfigError, match="pydantic_data_converter"):
        async with perdure.connect(settings=settings, client=client):
            pass


async def test_a_part_that_fails_ends_the_worker_with_the_reason(
    settings: Settings, plain: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve: Any = Worker.run

    async def run(self: Worker) -> None:
        if self.task_queue != short_task_queue(settings.temporal.task_queue):
            await serve(self)
            return
        await asyncio.gather(serve(self), self.shutdown())
        raise RuntimeError("the short queue is gone")

    monkeypatch.setattr(Worker, "run", run)
    plugin = PerdurePlugin({"counting": counting()}, settings=settings)
    worker = Worker(plain, task_queue=settings.temporal.task_queue, plugins=[plugin])
    with pytest.raises(WorkerStoppedError, match="the short queue is gone"):
        async with asyncio.timeout(30):
            await worker.run()
    assert worker.is_shutdown


async def test_a_graph_that_cannot_be_loaded_ends_the_worker(settings: Settings, plain: Client) -> None:
    plugin = PerdurePlugin({"broken": "no graph"}, settings=settings)  # pyright: ignore[reportArgumentType]
    with pytest.raises(perdure.GraphLoadError, match="broken"):
        async with asyncio.timeout(30), Worker(plain, task_queue=settings.temporal.task_queue, plugins=[plugin]):
            await asyncio.Event().wait()
