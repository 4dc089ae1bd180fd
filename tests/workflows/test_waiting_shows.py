"""A run that waits says so everywhere, with its questions."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from support.servers import until

import perdure
from perdure import RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.settings import RunSettings

from .asked import EMPTY, answered, asked, ids
from .graphs import chain, question, step, three_questions

Spec = Callable[..., RunSpec]
Cli = Callable[..., Awaitable[str]]


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    graphs = {"three": three_questions([]), "line": chain(before=step("before", []), ask=question("*q*", []))}
    async with Worker(graphs=graphs, settings=settings) as worker:
        yield worker


async def test_record_and_wait(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    result = await asked(runs, spec("line", input=EMPTY), "*q*?")
    assert result.values == {"log": ["before"]}
    record = await runs.get_run(result.run_id)
    assert record is not None
    assert (record.status, record.steps, record.ended_at) == (RunStatus.AWAITING_INPUT, 1, None)
    assert await runs.join_wait(result.run_id) == result, "who comes later sees the same"


async def test_the_stream(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    result = await asked(runs, spec("three", input=EMPTY), "a?", "b?", "c?")
    last: Any = None
    async for event in await runs.join_stream(result.run_id, heartbeat_interval=0.2):
        if event.event == "heartbeat":
            break
        last = event
    interrupts: list[dict[str, Any]] = [
        {"id": one.id, "value": one.value, "namespace": []} for one in result.interrupts
    ]
    assert (last.event, last.data) == (
        "awaiting_input",
        {"run_id": result.run_id, "thread_id": result.thread_id, "interrupts": interrupts},
    )


async def test_the_query(runs: RunsFacade, worker: Worker, spec: Spec, cli: Cli) -> None:
    result = await asked(runs, spec("three", input=EMPTY), "a?", "b?", "c?")
    text = await cli("query", "--workflow-id", f"run-{result.run_id}", "--type", "status", "-o", "json")
    (view,) = json.loads(text)["queryResult"]
    assert view["status"] == "awaiting_input"
    assert view["questions"] == {id: text for text, id in ids(result).items()}


async def test_the_details_in_the_ui(runs: RunsFacade, worker: Worker, spec: Spec, cli: Cli) -> None:
    result = await asked(runs, spec("line", input=EMPTY), "*q*?")
    details = await _details(cli, result.run_id)
    assert f"`{result.interrupts[0].id}` \\*q\\*?" in details
    assert 'signal `resume` with `{"value": …}`' in details
    await answered(runs, result, "yes")
    details = await _details(cli, result.run_id)
    assert "signal" not in details, "an answered question is gone"


async def test_the_search_attribute(runs: RunsFacade, worker: Worker, spec: Spec, cli: Cli) -> None:
    result = await asked(runs, spec("line", input=EMPTY), "*q*?")
    query = f'ThreadId = "{result.thread_id}" AND RunStatus = "awaiting_input"'

    async def listed() -> bool:
        return f"run-{result.run_id}" in await cli("list", "--query", query, "--limit", "5")

    await until(listed)  # the list is eventually consistent


async def test_the_text_stays_out_of_temporal_without_previews(settings: Settings, spec: Spec, cli: Cli) -> None:
    private = settings.model_copy(update={"runs": RunSettings(heartbeat_timeout=1.0, preview=False)})
    graphs = {"line": chain(ask=question("secret", []))}
    async with Worker(graphs=graphs, settings=private), perdure.connect(settings=private) as runs:
        result = await asked(runs, spec("line", input=EMPTY), "secret?")
        assert result.interrupts[0].id in await _details(cli, result.run_id)
        history = await cli("show", "--workflow-id", f"run-{result.run_id}", "-o", "json")
        assert "secret" not in history


async def _details(cli: Cli, run_id: str) -> str:
    return (await cli("metadata", "--workflow-id", f"run-{run_id}")).partition("Current Details:")[2]
