"""Server, worker and client die at the same moment; all of it is started again."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from support.servers import local_settings, started
from support.story import STORY, story_spec, uninterrupted, violations
from support.workers import WorkerProcess

import perdure
from perdure import RunStatus, StreamEvent
from perdure.contracts.settings import RunSettings
from perdure.runtime.dev_server import DevServer

ROUNDS = 4


async def test_a_run_goes_on_where_it_was(tmp_path: Path) -> None:
    expected = await uninterrupted(tmp_path, rounds=ROUNDS)
    settings = local_settings(tmp_path / "home").model_copy(update={"runs": RunSettings(heartbeat_timeout=1.0)})
    spec = story_spec("thread", tmp_path / "effects", rounds=ROUNDS, delay=0.2)
    before: list[StreamEvent] = []

    async with started(settings) as server, perdure.connect(settings=settings) as runs:
        worker = WorkerProcess(settings, STORY)
        record, stream = await runs.create_and_stream(spec)
        async for event in stream:
            before.append(event)
            if event.event == "values" and len(event.data["log"]) > 4:
                break
        _kill(server)
        worker.kill()
        await stream.aclose()

    async with started(settings), perdure.connect(settings=settings) as runs:
        worker = WorkerProcess(settings, STORY)
        try:
            async with asyncio.timeout(60):
                rest = [event async for event in await runs.join_stream(record.run_id, last_event_id=before[-1].id)]
            assert (await runs.join_wait(record.run_id)).status is RunStatus.SUCCESS
            again = [event async for event in await runs.join_stream(record.run_id)]
        finally:
            worker.kill()
    assert again == before + rest
    assert violations(again, expected, tmp_path / "effects") == []


def _kill(server: DevServer) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
