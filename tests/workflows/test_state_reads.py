"""How a state is read: by a worker that has its graph, beside whatever the thread does; or as it is stored."""

from __future__ import annotations

import asyncio
import operator
import time
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import StateGraph
from support.graphs import asking, count_to, counting
from support.rows import connected
from temporalio.client import WorkflowHandle

import perdure
from perdure import (
    InvalidRunError,
    NoWorkerError,
    RunsFacade,
    RunSpec,
    Settings,
    StateUnreadableError,
    ThreadNotFoundError,
    Worker,
    bind_actor,
)
from perdure.activities.graphs import thread_state
from perdure.contracts.settings import CheckpointerSettings
from perdure.facade import states

from .state_graphs import WORLDS, Log, asks, fan, line, writes

Spec = Callable[..., RunSpec]


class _Other(TypedDict, total=False):
    other: Annotated[list[str], operator.add]


async def _other(state: _Other) -> dict[str, Any]:
    return {"other": ["written"]}


OTHER = line(_Other, one=_other, two=_other)
DELTA = WORLDS["delta channel"][0]


def _left(settings: Settings) -> int:
    """Rows of values that nobody has taken."""
    with connected(settings.store_url) as connection:
        return connection.execute("SELECT count(*) FROM state_updates").fetchone()[0]


async def test_without_a_worker_there_is_the_stored_form(settings: Settings, spec: Spec) -> None:
    worker = Worker(graphs={"asking": asking("name?")}, settings=settings)
    async with worker, perdure.connect(settings=settings) as runs:
        record, _ = await runs.create_and_wait(spec("asking", input={"log": []}, on_interrupt="finish"))
        shown = await runs.get_state(record.thread_id)
    elsewhere = settings.temporal.model_copy(update={"task_queue": "nobody-polls-it", "submit_timeout": 0.3})
    async with perdure.connect(settings=settings.model_copy(update={"temporal": elsewhere})) as runs:
        for read in (runs.get_state, runs.history):
            with pytest.raises(NoWorkerError, match=r"no worker polls .*stored"):
                await read(record.thread_id)
        stored = await runs.get_state(record.thread_id, stored=True)
        with pytest.raises(ThreadNotFoundError):  # which no worker is needed for
            await runs.get_state("unknown")
        assert shown is not None
        assert stored is not None
        assert (shown.source, stored.source) == ("graph", "stored")
        assert (stored.values, stored.next, stored.checkpoint_id) == (shown.values, shown.next, shown.checkpoint_id)
        assert [one.source for one in await runs.history(record.thread_id, stored=True)] == ["stored"] * 2


async def test_a_worker_that_has_just_gone(
    runs: RunsFacade, settings: Settings, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Temporal shows it as one that polls, for a while."""
    async with Worker(graphs={"asking": asking("name?")}, settings=settings):
        record, _ = await runs.create_and_wait(spec("asking", input={"log": []}, on_interrupt="finish"))
    monkeypatch.setattr(states, "_WAIT", 0.5)
    began = time.monotonic()
    with pytest.raises(NoWorkerError, match=r"waited 0.5 s"):
        await runs.get_state(record.thread_id)
    assert time.monotonic() - began < settings.temporal.submit_timeout / 2
    async with Worker(graphs={"asking": asking("name?")}, settings=settings):
        assert await runs.get_state(record.thread_id) is not None


async def test_a_read_that_ends_as_its_client_gives_it_up(
    runs: RunsFacade, settings: Settings, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is very busy may begin at the last moment."""
    describe = WorkflowHandle[Any, Any].describe

    async def just_before(self: WorkflowHandle[Any, Any], **more: Any) -> Any:
        found = await describe(self, **more)
        found.history_length = 2
        await self.result()
        return found

    async with Worker(graphs={"asking": asking("name?")}, settings=settings):
        record, _ = await runs.create_and_wait(spec("asking", input={"log": []}, on_interrupt="finish"))
        monkeypatch.setattr(states, "_WAIT", 0.001)
        monkeypatch.setattr(WorkflowHandle, "describe", just_before)
        assert await runs.get_state(record.thread_id) is not None


async def test_a_graph_that_nobody_serves_any_more(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    async with Worker(graphs={"delta": DELTA}, settings=settings):
        record, _ = await runs.create_and_wait(spec("delta", input={"notes": ["n0"]}))
    async with Worker(graphs={"other": OTHER}, settings=settings):
        with pytest.raises(StateUnreadableError, match=r"unknown graph 'delta'.* serve: other; .stored=True"):
            await runs.get_state(record.thread_id)
        with pytest.raises(StateUnreadableError, match="delta"):
            await runs.history(record.thread_id)
        assert await runs.get_state(record.thread_id, stored=True) is not None
    assert _left(settings) == 0


async def test_each_state_is_shown_by_the_graph_that_saved_it(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    async with Worker(graphs={"delta": DELTA, "other": OTHER}, settings=settings):
        for graph, given in (("delta", {"notes": ["n0"]}), ("other", {"other": ["in"]}), ("delta", {"notes": ["n3"]})):
            record, _ = await runs.create_and_wait(spec(graph, input=given))
            newest = await runs.get_state(record.thread_id)
            assert newest is not None
            assert set(newest.values) == ({"notes", "log"} if graph == "delta" else {"other"})
        history = await runs.history(record.thread_id)
        graphs = [state.metadata["assistant_id"] for state in history]
        assert graphs == ["delta"] * 4 + ["other"] * 4 + ["delta"] * 4
        assert all(
            ("notes" in state.values) == (graph == "delta") for state, graph in zip(history, graphs, strict=True)
        )
        assert await runs.history(record.thread_id, limit=6) == history[:6]
        assert await runs.history(record.thread_id, limit=3, before=history[5].checkpoint_id) == history[6:9]
        assert await runs.get_state(record.thread_id, history[5].checkpoint_id) == history[5]


async def test_a_memory_checkpointer(settings: Settings, spec: Spec) -> None:
    settings = settings.model_copy(update={"checkpointer": CheckpointerSettings(url="memory://")})
    async with Worker(graphs={"delta": DELTA}, settings=settings), perdure.connect(settings=settings) as runs:
        record, result = await runs.create_and_wait(spec("delta", input={"notes": ["n0"]}))
        state = await runs.get_state(record.thread_id)
        assert state is not None
        assert state.values == result.values
        assert len(await runs.history(record.thread_id)) == 4
        with pytest.raises(perdure.ConfigError, match="without `stored`"):
            await runs.get_state(record.thread_id, stored=True)


async def test_reading_does_not_wait_for_a_run(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    go_on = asyncio.Event()

    async def waits(state: Log) -> dict[str, Any]:
        await go_on.wait()
        return {"log": ["waited"]}

    # One slot: the run has it, a read needs none of those.
    worker = settings.worker.model_copy(update={"max_concurrent_activities": 1})
    busy = settings.model_copy(update={"worker": worker})
    async with Worker(graphs={"slow": line(Log, one=writes("1"), waits=waits)}, settings=busy):
        record = await runs.create_background(spec("slow", input={"log": []}))
        async for event in await runs.join_stream(record.run_id):
            if event.event == "values" and event.data["log"] == ["1"]:
                break
        state = await runs.get_state(record.thread_id)
        assert state is not None
        assert (state.values, state.next) == ({"log": ["1"]}, ("waits",))
        assert len(await runs.history(record.thread_id)) == 3
        go_on.set()
        await runs.join_wait(record.run_id)


async def test_a_history_comes_in_parts(
    runs: RunsFacade, settings: Settings, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Worker(graphs={"counting": counting()}, settings=settings):
        record, _ = await runs.create_and_wait(spec("counting", input=count_to(6)))
        whole = await runs.history(record.thread_id)
        assert len(whole) == 8
        monkeypatch.setattr(states, "_PART", 3)
        assert await runs.history(record.thread_id) == whole
        monkeypatch.setattr(thread_state, "_PART", 1)  # byte: each state is more than that
        assert await runs.history(record.thread_id, limit=5) == whole[:5]
        assert await runs.history(record.thread_id, before=whole[2].checkpoint_id) == whole[3:]
        assert await runs.history(record.thread_id, before=whole[-1].checkpoint_id) == []
        with pytest.raises(InvalidRunError, match="limit"):
            await runs.history(record.thread_id, limit=0)
    assert _left(settings) == 0


async def test_a_state_larger_than_what_temporal_carries(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    async with Worker(graphs={"one": line(Log, one=writes("1"))}, settings=settings):
        large = "x" * 5_000_000
        record, _ = await runs.create_and_wait(spec("one", input={"log": []}))
        changed = await runs.update_state(record.thread_id, {"log": [large]})
        assert changed is not None
        assert changed.values == {"log": ["1", large]}
        assert await runs.get_state(record.thread_id) == changed
    assert _left(settings) == 0


async def test_open_questions_with_their_places(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    graph = fan(Log, here=asks, below=WORLDS["a question in a subgraph"][0].compile())
    async with Worker(graphs={"asks": graph}, settings=settings):
        record, result = await runs.create_and_wait(spec("asks", input={"log": []}))
        state = await runs.get_state(record.thread_id)
        assert state is not None
        assert state.interrupts == result.interrupts
        assert sorted(len(one.namespace) for one in state.interrupts) == [0, 2]
        tasks = {task.name: task for task in state.tasks}
        below = tasks["below"].state
        assert below is not None
        assert below.namespace == tasks["below"].namespace == (f"below:{tasks['below'].id}",)
        assert below.tasks[0].state is not None
        assert (below.tasks[0].state.next, below.tasks[0].state.values["log"]) == (
            ("asker",),
            ["first", "first", "inner"],
        )
        (here,) = tasks["here"].interrupts
        await runs.resume(record.run_id, {here.id: "Ann"})
        result = await runs.join_wait(record.run_id)
        state = await runs.get_state(record.thread_id)
        assert state is not None
        assert [one.namespace[0] for one in state.interrupts] == [f"below:{tasks['below'].id}"]
        assert (state.next, state.interrupts) == (("below",), result.interrupts)


async def test_a_factory_gets_the_config_of_the_latest_run(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    def made(config: RunnableConfig) -> StateGraph[Any]:
        return line(Log, **{config.get("configurable", {})["node"]: writes("1"), "ask": asks})

    async with Worker(graphs={"made": made}, settings=settings):
        config = {"configurable": {"node": "mine"}}
        record, _ = await runs.create_and_wait(spec("made", input={"log": []}, runnable_config=config))
        history = await runs.history(record.thread_id)
        assert [state.next for state in history] == [("ask",), ("mine",), ("__start__",)]


async def test_a_graph_that_cannot_show_its_state(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    broken = False

    def made(config: RunnableConfig) -> StateGraph[Any]:
        if broken:
            raise RuntimeError("no model configured")
        return line(Log, one=writes("1"))

    async with Worker(graphs={"made": made}, settings=settings):
        record, _ = await runs.create_and_wait(spec("made", input={"log": []}))
        broken = True
        with pytest.raises(StateUnreadableError, match=r"no model configured.*stored=True"):
            await runs.get_state(record.thread_id)


def _unless_two(one: list[str], other: list[str]) -> list[str]:
    if "two" in other:
        raise ArithmeticError("a reducer that raises")
    return [*one, *other]


class _Fragile(TypedDict, total=False):
    log: Annotated[list[str], _unless_two]


async def test_a_graph_within_that_cannot_show_its_own(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    fragile: Any = line(_Fragile, one=writes("one"), two=writes("two")).compile()
    async with Worker(graphs={"outer": line(Log, sub=fragile)}, settings=settings):
        record, result = await runs.create_and_wait(spec("outer", input={"log": ["given"]}))
        assert result.error is not None
        assert result.error.type == "ArithmeticError"
        state = await runs.get_state(record.thread_id)
        assert state is not None
        assert (state.values, state.next) == ({"log": ["given"]}, ("sub",))


async def test_a_thread_without_state(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    async with Worker(graphs={"asking": asking("name?")}, settings=settings):
        record, _ = await runs.create_and_wait(spec("asking", input={"log": []}))
        await runs.cancel(record.run_id, action="rollback")
        await runs.join_wait(record.run_id)
        assert await runs.get_state(record.thread_id) is None
        assert await runs.get_state(record.thread_id, "1f0cbd2e-0000-6000-8000-000000000000") is None
        assert await runs.history(record.thread_id) == []


async def test_another_users_thread_is_not_found(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    async with Worker(graphs={"one": line(Log, one=writes("1"))}, settings=settings):
        with bind_actor("ann"):
            record, _ = await runs.create_and_wait(spec("one", input={"log": []}))
            assert await runs.get_state(record.thread_id) is not None
        with bind_actor("bob"):
            for stored in (False, True):
                with pytest.raises(ThreadNotFoundError):
                    await runs.get_state(record.thread_id, stored=stored)
                with pytest.raises(ThreadNotFoundError):
                    await runs.history(record.thread_id, stored=stored)
            with pytest.raises(ThreadNotFoundError):
                await runs.update_state(record.thread_id, {"log": ["bob"]})
