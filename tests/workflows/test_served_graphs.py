"""Workers of one task queue that serve different graphs: a run goes to one that has its graph, or waits for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import StateGraph
from support.graphs import Count, asking, count_to, counting
from support.servers import until

import perdure
from perdure import (
    InvalidRunError,
    RunRecord,
    RunScope,
    RunsFacade,
    RunSpec,
    RunStatus,
    Settings,
    UnknownGraphError,
    Worker,
)
from perdure.contracts.errors import GraphNotServedError
from perdure.store import SqlStore


def _run(graph: str, **fields: object) -> RunSpec:
    return RunSpec.model_validate({"assistant_id": graph, "scope": RunScope(kind="stateless"), **fields})


async def test_each_graph_is_executed_by_a_worker_that_has_it(runs: RunsFacade, settings: Settings) -> None:
    async with (
        Worker(graphs={"counting": counting()}, settings=settings),
        Worker(graphs={"other": counting()}, settings=settings),
    ):
        specs = [_run(graph, input=count_to(3, 0.01)) for graph in ("counting", "other") * 5]
        done = await asyncio.gather(*(runs.create_and_wait(spec) for spec in specs))
        assert [result.status for _, result in done] == [RunStatus.SUCCESS] * 10
        assert [result.values["log"] for _, result in done] == [[0, 1, 2]] * 10
        for record, _ in done:
            found = await runs.get_run(record.run_id)
            assert found is not None
            assert (found.attempt, found.trouble) == (1, None)


async def test_questions_states_and_changes_find_the_graph(runs: RunsFacade, settings: Settings) -> None:
    scope = RunScope(thread_id=f"thread-{settings.temporal.task_queue}")
    async with (
        Worker(graphs={"asking": asking("name?")}, settings=settings),
        Worker(graphs={"counting": counting()}, settings=settings),
    ):
        for _ in range(3):  # by luck, one of them goes to the right worker at once
            spec = RunSpec(assistant_id="asking", scope=scope, input={"log": []})
            record, result = await runs.create_and_wait(spec)
            assert [question.value for question in result.interrupts] == ["name?"]
            await runs.resume(record.run_id, "Ada")
            result = await runs.join_wait(record.run_id)
            assert result.status is RunStatus.SUCCESS
            assert result.values["log"][-2:] == ["Ada", "after"]
            changed = await runs.update_state(scope.thread_id or "", {"log": ["from outside"]})
            assert changed is not None
            state = await runs.get_state(scope.thread_id or "")
            assert state is not None
            assert state.values["log"][-1] == "from outside"


async def test_what_nobody_serves_is_refused_with_who_serves_what(
    runs: RunsFacade, settings: Settings, worker: Worker
) -> None:
    with pytest.raises(UnknownGraphError, match=r"'countin' \(did you mean 'counting'\?\).*asking.*\(process \d+ on "):
        await runs.create_background(_run("countin"))
    assert await runs.list_runs() == []


@pytest.mark.parametrize("field", ["interrupt_before", "interrupt_after"])
async def test_an_unknown_breakpoint_is_refused(runs: RunsFacade, worker: Worker, field: str) -> None:
    with pytest.raises(InvalidRunError, match=rf"{field}: .*'wrk' \(did you mean 'work'\?\); it has: work"):
        await runs.create_background(_run("counting", **{field: ["wrk"]}))
    assert await runs.list_runs() == []
    record, result = await runs.create_and_wait(_run("counting", input=count_to(2), **{field: ["work"]}))
    assert result.status is RunStatus.AWAITING_INPUT
    await runs.cancel(record.run_id)


async def test_an_unknown_breakpoint_of_a_graph_that_is_made_for_each_run_ends_the_run(
    runs: RunsFacade, settings: Settings
) -> None:
    def made(config: RunnableConfig) -> StateGraph[Count]:
        return counting()

    async with Worker(graphs={"made": made}, settings=settings):
        _, result = await runs.create_and_wait(_run("made", input=count_to(1), interrupt_before=["wrk"]))
    assert result.status is RunStatus.ERROR
    assert result.error is not None
    assert "interrupt_before: the graph has no node 'wrk' (did you mean 'work'?)" in result.error.message


async def _begun(runs: RunsFacade, settings: Settings) -> RunRecord:
    """A run under way, whose worker has been stopped."""
    async with Worker(graphs={"counting": counting()}, settings=settings):
        record = await runs.create_background(_run("counting", input=count_to(100, 0.05)))
        async with contextlib.aclosing(await runs.join_stream(record.run_id)) as events:
            await anext(events)
    return record


async def test_a_run_waits_while_nobody_serves_its_graph(runs: RunsFacade, settings: Settings) -> None:
    async with Worker(graphs={"other": counting()}, settings=settings):
        record = await _begun(runs, settings)

        async def in_trouble() -> bool:
            found = await runs.get_run(record.run_id)
            return found is not None and found.trouble is not None

        await until(in_trouble)
        found = await runs.get_run(record.run_id)
        assert found is not None
        assert found.trouble is not None
        assert found.status is RunStatus.RUNNING
        assert "waits for a worker that serves the graph 'counting'; there are: other (process" in found.trouble.message
        async with Worker(graphs={"counting": counting()}, settings=settings):
            result = await runs.join_wait(record.run_id)
    assert (result.status, result.values["log"]) == (RunStatus.SUCCESS, [*range(100)])
    found = await runs.get_run(record.run_id)
    assert found is not None
    assert found.trouble is None


async def test_a_run_that_waits_for_its_graph_can_be_cancelled(runs: RunsFacade, settings: Settings) -> None:
    async with Worker(graphs={"other": counting()}, settings=settings):
        record = await _begun(runs, settings)
        assert await runs.cancel(record.run_id)
        assert (await runs.join_wait(record.run_id)).status is RunStatus.INTERRUPTED


async def test_a_submission_waits_for_a_worker_that_is_being_replaced(settings: Settings, store: SqlStore) -> None:
    async with Worker(graphs={"other": counting()}, settings=settings), perdure.connect(settings=settings) as runs:
        async with Worker(graphs={"counting": counting()}, settings=settings):
            pass
        creating = asyncio.create_task(runs.create_and_wait(_run("counting", input=count_to(1))))
        await asyncio.sleep(0.3)
        assert not creating.done()
        async with Worker(graphs={"counting": counting()}, settings=settings):
            _, result = await creating
        assert result.status is RunStatus.SUCCESS

    impatient = settings.model_copy(update={"temporal": settings.temporal.model_copy(update={"submit_timeout": 0.5})})
    async with Worker(graphs={"other": counting()}, settings=settings), perdure.connect(settings=impatient) as runs:
        with pytest.raises(GraphNotServedError, match=r"no worker serves the graph 'counting' now.*was stopped at"):
            await runs.create_background(_run("counting"))
        assert len(await runs.list_runs()) == 1


async def test_who_stops_or_dies_serves_nothing_any_more(settings: Settings, store: SqlStore) -> None:
    queue = settings.temporal.task_queue
    async with Worker(graphs={"counting": counting()}, settings=settings):
        (found,) = await store.workers.list(queue)
        assert found.graphs == {"counting": ("work",)}
        assert found.is_there(datetime.now(UTC))
        assert "killed, or hangs" in found.fate(found.seen_at + timedelta(minutes=1))
        assert not found.is_there(found.seen_at + timedelta(minutes=1))
    (found,) = await store.workers.list(queue)
    assert not found.is_there(datetime.now(UTC))
    assert "was stopped at" in found.fate(datetime.now(UTC))


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[SqlStore]:
    store = SqlStore(settings.store_url)
    await store.start()
    yield store
    await store.close()
