"""A run that meets a file which cannot be written: what it says of that in Temporal, and how it must end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

from support.bare import bare
from support.comparison import differences, seen
from support.graphs import Gate
from support.servers import until
from temporalio.api.failure.v1 import Failure
from temporalio.client import Client

from perdure import RunScope, RunsFacade, RunSpec, RunStatus, Settings, StreamEvent, Worker
from perdure.activities.graphs.run_config import run_config
from perdure.contracts.types import METADATA_EVENT, StreamMode
from perdure.contracts.wire import run_workflow_id
from perdure.runtime.connection import connect_temporal

NODES = ("a", "b", "c")
MODES: tuple[StreamMode, ...] = ("values", "updates", "tasks")
GATES = {"bridge": "b", "checkpoints": "b", "store": "c"}
"""The node that is at work when the file breaks. The store is written at the beginning and the end of a run only."""


async def run_through(
    runs: RunsFacade, settings: Settings, broken: AbstractContextManager[None], *, gate: str, says: str
) -> None:
    """Break the file while the node is at work: the run has to say so, to wait, and to end as if nothing had been."""
    door = Gate()
    thread = f"t-{settings.temporal.task_queue}"
    spec = RunSpec(
        assistant_id="gate", run_id=thread, scope=RunScope(thread_id=thread), input={"log": []}, stream_modes=MODES
    )
    client = await connect_temporal(settings)
    async with Worker(graphs={"gate": door.graph(*NODES, gate=gate)}, settings=settings):
        await runs.create_background(spec)
        await door.reached.wait()
        with broken:
            door.opened.set()
            await until(lambda: _says(client, thread, says))
        result = await runs.join_wait(thread)
    assert (result.status, result.error) == (RunStatus.SUCCESS, None)
    assert {node: door.work.count(node) for node in NODES if node != gate} == dict.fromkeys(set(NODES) - {gate}, 1)
    events = [event async for event in await runs.join_stream(thread)]
    await _compare(events, result.values, spec)


async def _says(client: Client, run_id: str, text: str) -> bool:
    """Whether the Temporal UI shows the text: in an activity's last failure, or in the details of its heartbeat."""
    described = await client.get_workflow_handle(run_workflow_id(run_id)).describe()
    for activity in described.raw_description.pending_activities:
        details = [payload.data.decode() for payload in activity.heartbeat_details.payloads]
        if any(text in shown for shown in (*_messages(activity.last_failure), *details)):
            return True
    return False


def _messages(failure: Failure) -> Iterator[str]:
    yield failure.message
    if failure.HasField("cause"):
        yield from _messages(failure.cause)


async def _compare(events: list[StreamEvent], values: object, spec: RunSpec) -> None:
    graph, config = Gate().graph(*NODES, gate="").compile(), run_config(spec, spec.run_id or "", spec.run_id or "")
    expected = await bare(graph, spec.input, config, MODES, subgraphs=False)
    published = [seen(event.event, event.data) for event in events if event.event not in (METADATA_EVENT, "end")]
    assert differences(published, expected[0]) == []
    assert values == expected[1]
