"""Large values do not cross Temporal, which takes 2 MB. What people signal does, and is refused beyond 1.5."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from google.protobuf.message import Message
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from support.graphs import Shelf
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowHandle

from perdure import RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.wire import QUERY_STATUS, SIGNAL_RESUME, run_workflow_id
from perdure.contracts.wire_steering import RunStatusView
from perdure.runtime.connection import connect_temporal

Spec = Callable[..., RunSpec]
LARGE = "cheese " * 350_000
"""2.4 MB, which Temporal refuses. 21 MB go as well, in half a minute."""
MOST = 128 * 1024
"""Bytes that a payload in a history may have."""


def _graph() -> Any:
    """It asks with all that it was given, and fails with all that it was answered, unless that is short."""

    async def ask(state: Shelf) -> dict[str, Any]:
        return {"log": [interrupt(state["log"][-1])]}

    async def end(state: Shelf) -> dict[str, Any]:
        if len(state["log"]) > 2:
            raise ValueError(state["log"][-1])
        return {}

    graph = StateGraph(Shelf)
    graph.add_node("ask", ask)
    graph.add_node("end", end)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "end")
    return graph.compile()


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[None]:
    async with Worker(graphs={"large": _graph()}, settings=settings):
        yield


def _payloads(message: Message) -> Iterator[Payload]:
    """All that are in a message, at any depth."""
    if isinstance(message, Payload):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        is_map = field.message_type.GetOptions().map_entry
        parts = [value] if isinstance(value, Message) else list(value.values() if is_map else value)
        for part in parts:
            yield from _payloads(part) if isinstance(part, Message) else ()


async def _sizes(client: Client, settings: Settings) -> dict[str, list[int]]:
    """Workflow id to the bytes of each payload in its history, of all workflows of a test."""
    found: dict[str, list[int]] = {}
    async for one in client.list_workflows(f'TaskQueue="{settings.temporal.task_queue}"'):
        history = await client.get_workflow_handle(one.id, run_id=one.run_id).fetch_history()
        found[one.id] = [payload.ByteSize() for event in history.events for payload in _payloads(event)]
    return found


async def test_none_crosses_temporal(runs: RunsFacade, spec: Spec, worker: None, settings: Settings) -> None:
    _, waiting = await runs.create_and_wait(spec("large", input={"log": [LARGE]}, metadata={"about": LARGE}))
    assert waiting.interrupts[0].value == LARGE
    await runs.resume(waiting.run_id, LARGE)
    result = await runs.join_wait(waiting.run_id)
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": [LARGE, LARGE]})
    changed = await runs.update_state(result.thread_id, {"log": [LARGE]}, as_node="end")
    assert changed is not None
    assert changed.values == {"log": [LARGE] * 3}
    _, again = await runs.create_and_wait(spec("large", input={"log": []}))
    await runs.resume(again.run_id, LARGE)
    failed = await runs.join_wait(again.run_id)
    assert failed.error is not None
    assert (failed.error.type, failed.error.message[:20]) == ("ValueError", LARGE[:20])
    sizes = await _sizes(await connect_temporal(settings), settings)
    assert run_workflow_id(again.run_id) in sizes
    assert max(size for of_one in sizes.values() for size in of_one) < MOST


async def _refused(workflow: WorkflowHandle[Any, Any]) -> str | None:
    return (await workflow.query(QUERY_STATUS, result_type=RunStatusView)).refused


async def test_a_signal_that_is_too_large_says_so_and_the_run_waits_on(
    runs: RunsFacade, spec: Spec, worker: None, settings: Settings
) -> None:
    _, waiting = await runs.create_and_wait(spec("large", input={"log": ["?"]}))
    client = await connect_temporal(settings)
    workflow = client.get_workflow_handle(run_workflow_id(waiting.run_id))
    for answer in ({"value": "x" * 1_900_000}, "x" * 1_900_000):  # a value, and what is no answer
        await asyncio.gather(*(workflow.signal(SIGNAL_RESUME, answer) for _ in range(4)))
        refused = await _refused(workflow)
        assert refused is not None
        assert len(refused) < 1000
        assert ("1,900,002 bytes" in refused and "`perdure resume`" in refused) or "resume takes" in refused
    await workflow.signal(SIGNAL_RESUME, {"value": "y" * 1_400_000})
    await workflow.result()
    result = await runs.join_wait(waiting.run_id)
    assert (result.status, len(result.values["log"][1])) == (RunStatus.SUCCESS, 1_400_000)
    assert await _refused(workflow) is None
