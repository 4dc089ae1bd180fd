"""What is refused before anything is started or written."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError
from support.graphs import count_to
from support.servers import free_port

import perdure
from perdure import (
    InvalidEventIdError,
    InvalidRunError,
    NoWorkerError,
    PerdureError,
    RunNotFoundError,
    RunScope,
    RunsFacade,
    RunSpec,
    RunStatus,
    Settings,
    TemporalUnreachableError,
    UnknownGraphError,
    Worker,
)
from perdure.contracts.settings import TemporalSettings

Spec = Callable[..., RunSpec]


@pytest.mark.parametrize(
    ("fields", "error", "text"),
    [
        ({"assistant_id": "countin"}, UnknownGraphError, "'countin' .did you mean 'counting'"),
        ({"input": {"log": object()}}, InvalidRunError, "input cannot be stored"),
        ({"webhook": "http://127.0.0.1"}, InvalidRunError, "127.0.0.1 is not a public address"),
        ({"runnable_config": {"tag": []}}, InvalidRunError, "unknown key 'tag' .did you mean 'tags'"),
        ({"runnable_config": {"configurable": {"thread_id": "x"}}}, InvalidRunError, "use scope.thread_id"),
        ({"follow_up_to_run_id": "unknown"}, RunNotFoundError, "no run 'unknown'"),
    ],
)
async def test_specs(
    runs: RunsFacade, worker: Worker, spec: Spec, fields: dict[str, Any], error: type[PerdureError], text: str
) -> None:
    wrong = spec("counting", input=count_to(1)).model_copy(update={})
    wrong = RunSpec.model_validate({**dict(wrong), **fields})
    with pytest.raises(error, match=text):
        await runs.create_background(wrong)
    assert await runs.list_runs() == []


@pytest.mark.parametrize("thread_id", ["", " ", "a/b", "x" * 201, "new\nline"])
def test_thread_ids(thread_id: str) -> None:
    with pytest.raises(ValidationError, match="thread_id"):
        RunScope(thread_id=thread_id)


def test_stream_modes() -> None:
    with pytest.raises(ValidationError, match="stream_modes"):
        RunSpec.model_validate({"assistant_id": "a", "scope": {"thread_id": "t"}, "stream_modes": ["value"]})


async def test_unknown_runs_and_event_ids(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    with pytest.raises(RunNotFoundError):
        await runs.join_stream("unknown")
    with pytest.raises(RunNotFoundError):
        await runs.join_wait("unknown")
    record, _ = await runs.create_and_wait(spec("counting", input=count_to(1)))
    with pytest.raises(InvalidEventIdError, match="'x' is not an event id"):
        await runs.join_stream(record.run_id, last_event_id="x")


async def test_an_unreachable_server(settings: Settings, spec: Spec) -> None:
    nowhere = TemporalSettings(address=f"127.0.0.1:{free_port()}", connect_timeout=2)
    async with perdure.connect(settings=settings.model_copy(update={"temporal": nowhere})) as runs:
        with pytest.raises(TemporalUnreachableError, match=r"Temporal cannot be used at 127\.0\.0\.1:\d+"):
            await runs.create_background(spec("counting", input=count_to(1)))
        assert await runs.list_runs() == [], "records can be read without Temporal"


async def test_no_worker(settings: Settings, spec: Spec) -> None:
    patient = settings.temporal.model_copy(update={"submit_timeout": 0.5})
    async with perdure.connect(settings=settings.model_copy(update={"temporal": patient})) as runs:
        began = time.monotonic()
        with pytest.raises(NoWorkerError, match="no worker polls the task queue 'test-"):
            await runs.create_background(spec("counting", input=count_to(1)))
        assert time.monotonic() - began < 10
        assert await runs.list_runs() == []


async def test_twenty_megabytes_are_no_bad_input(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    large = "x" * 20_000_000
    record, result = await runs.create_and_wait(spec("counting", input={"log": [large], "steps": 3, "delay": 0}))
    assert result.status is RunStatus.SUCCESS
    assert result.values["log"] == [large, 1, 2]
    last = [event async for event in await runs.join_stream(record.run_id)][-2]
    assert last.data["log"] == [large, 1, 2]
