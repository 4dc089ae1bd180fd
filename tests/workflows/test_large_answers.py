"""Answers that are more than Temporal carries, and very many questions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import Send, interrupt
from support.servers import until

from perdure import RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.errors import RunNotFoundError, RunStateError
from perdure.contracts.wire import SIGNAL_RESUME, run_workflow_id
from perdure.runtime.connection import connect_temporal
from perdure.store.open import open_store

from .graphs import Log

Spec = Callable[..., RunSpec]
LONG = "x" * 5_000


def _asks(count: int) -> Any:
    """So many nodes that ask, and log the length of each answer."""

    def each(state: Log) -> list[Send]:
        return [Send("ask", {"number": number}) for number in range(count)]

    async def ask(state: Any) -> dict[str, Any]:
        return {"log": [len(interrupt(f"{state['number']}?"))]}

    graph = StateGraph(Log)
    graph.add_node("ask", ask)
    graph.add_conditional_edges(START, each, ["ask"])
    return graph.compile()


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[None]:
    async with Worker(graphs={"one": _asks(1), "many": _asks(300)}, settings=settings):
        yield


@pytest.fixture
def by_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the questions were thousands."""
    monkeypatch.setattr("perdure.activities.graphs.answers._IDS", 1_000)


async def test_a_map_of_them(runs: RunsFacade, spec: Spec, worker: None) -> None:
    _, waiting = await runs.create_and_wait(spec("many", input={"log": []}))
    await runs.resume(waiting.run_id, {one.id: LONG * 2 for one in waiting.interrupts})
    result = await runs.join_wait(waiting.run_id)
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": [10_000] * 300})


async def test_one_that_is_large(runs: RunsFacade, spec: Spec, worker: None, settings: Settings) -> None:
    _, waiting = await runs.create_and_wait(spec("one", input={"log": []}))
    await runs.resume(waiting.run_id, LONG * 500)
    result = await runs.join_wait(waiting.run_id)
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": [2_500_000]})


async def test_one_that_fits_no_question_is_refused_before_anything_is_kept(
    runs: RunsFacade, spec: Spec, worker: None
) -> None:
    _, waiting = await runs.create_and_wait(spec("many", input={"log": []}))
    with pytest.raises(RunStateError, match=r"several questions are open.* and 290 more"):
        await runs.resume(waiting.run_id, LONG * 500)
    with pytest.raises(RunStateError, match=f"no open question has the id {'0' * 32}"):
        await runs.resume(waiting.run_id, {"0" * 32: LONG * 500})
    record = await runs.get_run(waiting.run_id)
    assert record is not None
    assert record.status is RunStatus.AWAITING_INPUT


@pytest.mark.parametrize("size", [1, 5_000], ids=["small", "large"])
async def test_questions_by_reference(
    runs: RunsFacade, spec: Spec, worker: None, by_reference: None, size: int
) -> None:
    _, waiting = await runs.create_and_wait(spec("many", input={"log": []}))
    first, *others = waiting.interrupts
    with pytest.raises(RunStateError, match="several questions are open"):
        await runs.resume(waiting.run_id, "no id")
    await runs.resume(waiting.run_id, {one.id: "x" * size for one in others})
    left = await runs.join_wait(waiting.run_id)
    assert (left.status, left.interrupts) == (RunStatus.AWAITING_INPUT, (first,))
    await runs.resume(waiting.run_id, "x")
    result = await runs.join_wait(waiting.run_id)
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": [1, *[size] * 299]})


async def test_a_signal_that_fits_no_question_by_reference(
    runs: RunsFacade, spec: Spec, worker: None, by_reference: None, settings: Settings
) -> None:
    _, waiting = await runs.create_and_wait(spec("many", input={"log": []}))
    client = await connect_temporal(settings)
    await client.get_workflow_handle(run_workflow_id(waiting.run_id)).signal(SIGNAL_RESUME, {"value": "no id"})

    async def refused() -> bool:
        record = await runs.get_run(waiting.run_id)
        return record is not None and record.error is not None and record.status is RunStatus.AWAITING_INPUT

    await until(refused)
    result = await runs.join_wait(waiting.run_id)
    assert (result.interrupts, result.error and result.error.type) == (waiting.interrupts, "RefusedAnswer")
    await runs.resume(waiting.run_id, {one.id: "x" for one in waiting.interrupts})
    assert (await runs.join_wait(waiting.run_id)).status is RunStatus.SUCCESS


async def test_nothing_of_it_is_left_behind(
    runs: RunsFacade, spec: Spec, worker: None, by_reference: None, settings: Settings
) -> None:
    _, waiting = await runs.create_and_wait(spec("many", input={"log": []}))
    await runs.resume(waiting.run_id, {one.id: LONG for one in waiting.interrupts})
    await runs.join_wait(waiting.run_id)
    store = open_store(settings.store_url)
    await store.start()
    try:
        with pytest.raises(RunNotFoundError):
            await store.threads.get_update(f"{waiting.run_id}/asked/1")
    finally:
        await store.close()
