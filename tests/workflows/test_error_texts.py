"""An exception that cannot be told ends its run as an error, once, with a text that is valid everywhere."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator

import graphs.texts as texts
import pytest
from support.servers import temporal_command, until
from support.workers import WorkerProcess

import perdure
from perdure import RunScope, RunsFacade, RunSpec, RunStatus, Settings
from perdure.contracts.settings import RunSettings, TemporalSettings

GRAPHS = {name: f"texts.py:{name}" for name in ("raises", "raises_below", "raises_beside", "factory")}
SAID = {
    "text": "page title \ufffd cut in the middle of an emoji",
    "no text": "(it has no text: its own code raised IndexError)",
    "no repr": "NoRepr",
    "wrong text": "(it has no text: its own code raised TypeError)",
    "sly text": "sly",
    "empty": "ValueError",
    "nul": "a\0b",
}


@pytest.fixture(scope="module")
async def served(temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunsFacade]:
    """By one worker process for all cases."""
    queue = TemporalSettings(address=temporal, task_queue=f"test-{uuid.uuid4()}")
    home = tmp_path_factory.mktemp("texts")
    settings = Settings(home=home, temporal=queue, runs=RunSettings(heartbeat_timeout=5.0))
    worker = WorkerProcess(settings, GRAPHS)
    try:
        async with perdure.connect(settings=settings) as runs:
            await until(lambda: "serving" in worker.log.read_text() or worker.ended)
            yield runs
            assert not worker.ended
    finally:
        worker.kill()


@pytest.mark.parametrize("graph", GRAPHS)
async def test_the_run_ends_once_with_a_valid_text(served: RunsFacade, temporal: str, graph: str) -> None:
    await asyncio.gather(*(_ends(served, graph, how) for how in texts.HOW))


async def _ends(runs: RunsFacade, graph: str, how: str) -> None:
    spec = RunSpec(
        assistant_id=graph,
        scope=RunScope(thread_id=str(uuid.uuid4())),
        input={"how": how},
        stream_modes=("values", "tasks", "debug"),
        stream_subgraphs=True,
        runnable_config={"configurable": {"how": how}},
    )
    record = await runs.create_background(spec)
    result = await asyncio.wait_for(runs.join_wait(record.run_id), 20)
    assert (result.status, result.error is not None) == (RunStatus.ERROR, True), how
    found = await runs.get_run(record.run_id)
    assert found is not None
    assert found.error is not None
    assert found.attempt == 1, how
    if how in SAID:
        assert SAID[how] in found.error.message, how
    json.dumps(found.model_dump(mode="json"), ensure_ascii=False).encode()
    events = [event async for event in await runs.join_stream(record.run_id)]
    assert events[-1].event == "error", how
    json.dumps([event.model_dump(mode="json") for event in events], ensure_ascii=False, allow_nan=False).encode()


async def test_the_state_of_its_thread_can_be_read(served: RunsFacade) -> None:
    for how in ("text", "no text", "exiting text", "odd class"):
        thread = str(uuid.uuid4())
        spec = RunSpec(assistant_id="raises_beside", scope=RunScope(thread_id=thread), input={"how": how})
        record = await served.create_background(spec)
        assert (await asyncio.wait_for(served.join_wait(record.run_id), 20)).status is RunStatus.ERROR
        state = await served.get_state(thread)
        assert state is not None
        json.dumps(state.model_dump(mode="json"), ensure_ascii=False).encode()


async def test_temporal_shows_it(served: RunsFacade, temporal: str) -> None:
    spec = RunSpec(assistant_id="raises", scope=RunScope(thread_id=str(uuid.uuid4())), input={"how": "text"})
    record = await served.create_background(spec)
    await asyncio.wait_for(served.join_wait(record.run_id), 20)
    shown = await temporal_command(temporal, "show", "--workflow-id", f"run-{record.run_id}", "--output", "json")
    assert "page title \ufffd cut" in shown
