"""Runs whose data crosses Temporal encrypted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support.graphs import asking, counting
from support.keys import K1, encrypted
from support.servers import until
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

import perdure
from perdure import ConfigError, PerdurePlugin, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.wire import SIGNAL_RESUME, run_workflow_id
from perdure.runtime.connection import connect_temporal

Spec = Callable[..., RunSpec]
SECRET = "the recipe of the cheese"
GRAPHS: dict[str, Any] = {"asking": asking(SECRET), "counting": counting()}


async def test_a_run_over_a_rotation_of_keys(settings: Settings, spec: Spec) -> None:
    before, after = encrypted(settings, keys={"k1": K1}), encrypted(settings, "k2")
    async with Worker(graphs=GRAPHS, settings=before), perdure.connect(settings=before) as runs:
        record, asked = await runs.create_and_wait(spec("asking", input={"log": [SECRET]}))
        assert asked.interrupts[0].value == SECRET
    async with Worker(graphs=GRAPHS, settings=after), perdure.connect(settings=after) as runs:
        await runs.resume(record.run_id, SECRET)
        result = await runs.join_wait(record.run_id)
        assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": [SECRET, SECRET, "after"]})
    client = await connect_temporal(after)
    history = await client.get_workflow_handle(run_workflow_id(record.run_id)).fetch_history()
    raw = b"".join(event.SerializeToString() for event in history.events)
    assert SECRET.encode() not in raw
    assert b"\x02k1" in raw
    assert b"\x02k2" in raw


async def test_a_signal_of_the_command_line_is_plain_and_cancels(
    settings: Settings, spec: Spec, cli: Callable[..., Awaitable[str]]
) -> None:
    settings = encrypted(settings)
    async with Worker(graphs=GRAPHS, settings=settings), perdure.connect(settings=settings) as runs:
        record, _ = await runs.create_and_wait(spec("asking", input={"log": []}))
        workflow = run_workflow_id(record.run_id)
        await cli("signal", "-w", workflow, "--name", "cancel", "--input", '{"action": "interrupt"}')

        async def cancelled() -> bool:
            ended = await runs.get_run(record.run_id)
            return ended is not None and ended.status is RunStatus.INTERRUPTED

        await until(cancelled)


async def test_a_run_of_before_goes_on_when_plain_text_is_accepted(settings: Settings, spec: Spec) -> None:
    async with Worker(graphs=GRAPHS, settings=settings), perdure.connect(settings=settings) as runs:
        record, _ = await runs.create_and_wait(spec("asking", input={"log": []}))
    refusing, accepting = encrypted(settings), encrypted(settings, plaintext="accept")
    async with perdure.connect(settings=refusing) as runs:
        client = await connect_temporal(refusing)
        workflow = client.get_workflow_handle(run_workflow_id(record.run_id))

        async def refused() -> bool:
            failed = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
            return failed in [event.event_type async for event in workflow.fetch_history_events()]

        async with Worker(graphs=GRAPHS, settings=refusing):
            await workflow.signal(SIGNAL_RESUME, {"value": "answer"})
            await until(refused)
        async with Worker(graphs=GRAPHS, settings=accepting):
            await workflow.result()
            result = await runs.join_wait(record.run_id)
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["answer", "after"]})


async def test_a_client_that_encrypts_nothing_is_refused(settings: Settings) -> None:
    plain = await Client.connect(settings.temporal.address or "", data_converter=pydantic_data_converter)
    settings = encrypted(settings)
    with pytest.raises(ConfigError, match=r"encryption\.key_id is set, and the client of Temporal encrypts nothing"):
        async with perdure.connect(settings=settings, client=plain):
            pass
    with pytest.raises(ConfigError, match="encrypts nothing"):
        async with Worker(graphs=GRAPHS, settings=settings, client=plain):
            pass


async def test_the_plugin_has_a_client_encrypt(settings: Settings, spec: Spec) -> None:
    settings = encrypted(settings)
    plugin = PerdurePlugin(GRAPHS, settings=settings)
    client = await Client.connect(settings.temporal.address or "", plugins=[plugin])
    worker = Worker(graphs=GRAPHS, settings=settings, client=client)
    async with worker, perdure.connect(settings=settings, client=client) as runs:
        result = (await runs.create_and_wait(spec("counting", input={"log": [], "steps": 2, "delay": 0.0})))[1]
    assert result.status is RunStatus.SUCCESS
