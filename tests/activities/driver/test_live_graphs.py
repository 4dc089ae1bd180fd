"""What becomes of a graph between two slices: it is at rest, and waits for its next slice, in bounds."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langgraph.graph import START, StateGraph
from langgraph.types import TimeoutPolicy
from support.servers import until
from temporalio.testing import ActivityEnvironment

import perdure.activities.driver.memory_use
from perdure.activities.driver import live_graph, live_graphs
from perdure.activities.driver.live_graph import LiveGraph
from perdure.activities.driver.live_graphs import LiveGraphs
from perdure.activities.driver.memory_use import MemoryBound, resident
from perdure.activities.graphs.graph_registry import load_graphs
from perdure.activities.graphs.run_config import thread_config
from perdure.contracts.errors import GraphLoadError
from perdure.contracts.types import RunScope, RunSpec
from perdure.contracts.wire import RunLimits, SliceInput, SliceResult

from ..driving import BackEnds, worker_ends
from ..worlds import State, chain

FOR_EVER = 1000.0


class House:
    """A worker's live graphs, and the slices of one run."""

    def __init__(self, ends: BackEnds, live: LiveGraphs, graphs: Any) -> None:
        self.ends = ends
        self.live = live
        self.graphs = graphs
        self._number = 0
        self.run_id = f"run-{uuid.uuid4()}"

    async def begin(self, *, fence: int = 1, budget: float = 0.0, **spec: Any) -> SliceResult:
        """The first slice, or that of a takeover."""
        await self.ends.checkpoints.take(self.run_id, self.run_id, fence=fence)
        await self.ends.bridge.create(self.run_id)
        ends = worker_ends(self.graphs, self.ends.bridge, self.ends.checkpoints)
        run = RunSpec(assistant_id="graph", scope=RunScope(thread_id=self.run_id), input={"log": []}, **spec)
        live = LiveGraph(ends, self.slice(budget), run, fence=fence, may_hold=self.live.may_hold)
        await self.live.add(self.run_id, live)
        return await self._attend(live, budget)

    async def go_on(self, budget: float = 0.0) -> SliceResult | None:
        """The next slice; `None` where nothing is held."""
        live = await self.live.fetch(self.run_id)
        return None if live is None else await self._attend(live, budget)

    async def _attend(self, live: LiveGraph, budget: float) -> SliceResult:
        try:
            return await ActivityEnvironment().run(live.attend, self.slice(budget))
        finally:
            self.live.leave(self.run_id, live)

    def slice(self, budget: float) -> SliceInput:
        return SliceInput(run_id=self.run_id, thread_id=self.run_id, fence=1, limits=RunLimits(slice_budget=budget))

    async def state(self) -> Any:
        graph = chain([], "a").copy({"checkpointer": self.ends.checkpoints.saver})
        return (await graph.aget_state(thread_config(self.run_id))).values


@asynccontextmanager
async def house(
    ends: BackEnds, graph: Any, *, most_held: int = 10, hold_for: float = FOR_EVER, memory: MemoryBound | None = None
) -> AsyncGenerator[tuple[House, asyncio.Event]]:
    live = LiveGraphs("own", most_held=most_held, hold_for=hold_for, memory=memory)
    stopping = asyncio.Event()
    async with live.open(stopping):
        yield House(ends, live, await load_graphs({"graph": graph})), stopping


async def test_a_held_graph_executes_nothing_until_it_is_fetched(ends: BackEnds) -> None:
    effects: list[str] = []
    async with house(ends, chain(effects, "a", "b", "c")) as (run, _):
        assert (await run.begin()).outcome == "more"
        await asyncio.sleep(0.1)  # long enough for the nodes that are left
        assert effects == ["a"]
        outcomes = [(await run.go_on(), [*effects]) for _ in range(2)]
        assert [(result and result.outcome, done) for result, done in outcomes] == [
            ("more", ["a", "b"]),
            ("done", ["a", "b", "c"]),
        ]


async def test_a_held_graph_that_nobody_fetches_is_closed_and_can_be_taken_over(ends: BackEnds) -> None:
    effects: list[str] = []
    async with house(ends, chain(effects, "a", "b"), hold_for=0.05) as (run, _):
        await run.begin()
        await until(lambda: run.live.graph_of(run.run_id) is None, 5)
        assert await run.go_on() is None
        assert (await run.begin(fence=2, budget=FOR_EVER)).outcome == "done"
    assert effects == ["a", "b"]


async def test_beyond_its_memory_a_worker_holds_no_other_graph_and_lets_the_oldest_go(
    ends: BackEnds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_graphs, "_IDLE", 0.0)
    monkeypatch.setattr(perdure.activities.driver.memory_use, "_EVERY", 0.0)
    size = 100
    effects: list[str] = []
    async with house(ends, chain(effects, "a", "b", "c"), memory=MemoryBound(150, lambda: size)) as (run, _):
        assert (await run.begin()).outcome == "more"
        later = House(ends, run.live, run.graphs)
        size = 200
        assert (await later.begin()).outcome == "done"  # it goes on, and is not taken over
        assert effects == ["a", "a", "b", "c"]
        await until(lambda: run.live.graph_of(run.run_id) is None, 5)
        assert await run.go_on() is None
        size = 100
        assert (await run.begin(fence=2)).outcome == "more"
    assert effects == ["a", "a", "b", "c", "b"]


def test_what_the_process_has_in_memory() -> None:
    before = resident()
    kept = bytearray(b"x" * 50_000_000)
    assert resident() - before > 30_000_000
    assert len(kept) == 50_000_000


async def test_a_graph_that_another_attempt_took_over_goes_on_no_more(ends: BackEnds) -> None:
    effects: list[str] = []
    async with house(ends, chain(effects, "a", "b")) as (run, _):
        await run.begin()
        await ends.checkpoints.take(run.run_id, run.run_id, fence=2)
        assert await run.go_on() is None
        assert (effects, run.live.graph_of(run.run_id)) == (["a"], None)


async def test_a_graph_that_is_asked_for_twice_is_fetched_once(ends: BackEnds) -> None:
    effects: list[str] = []
    async with house(ends, chain(effects, "a", "b")) as (run, _):
        await run.begin()
        results = await asyncio.gather(run.go_on(), run.go_on())
        assert sorted(result.outcome if result else "" for result in results) == ["", "done"]
    assert effects == ["a", "b"]


async def test_a_new_attempt_in_the_same_worker_cuts_the_old_one_off_first(ends: BackEnds) -> None:
    entered, effects = asyncio.Event(), list[str]()

    async def slow(state: State) -> dict[str, Any]:
        entered.set()
        try:
            await asyncio.sleep(0 if effects else FOR_EVER)
        finally:
            effects.append("ended")
        return {"log": ["slow"]}

    graph = StateGraph(State).add_node(slow).add_edge(START, "slow").compile()
    async with house(ends, graph) as (run, _):
        first = asyncio.create_task(run.begin(budget=FOR_EVER))
        await entered.wait()
        assert (await run.begin(fence=2, budget=FOR_EVER)).outcome == "done"
        with pytest.raises(Exception, match="another attempt takes over"):
            await first
    assert effects == ["ended", "ended"]


async def test_beyond_the_bound_a_slice_goes_on_instead(ends: BackEnds) -> None:
    async with house(ends, chain([], "a", "b", "c"), most_held=0) as (run, _):
        assert (await run.begin()).outcome == "done"


@pytest.mark.parametrize("held", [True, False])
async def test_a_worker_that_shuts_down_lets_go_of_what_it_holds(ends: BackEnds, held: bool) -> None:
    entered, go = asyncio.Event(), asyncio.Event()

    async def waits(state: State) -> dict[str, Any]:
        entered.set()
        await go.wait()
        return {"log": ["waits"]}

    graph = StateGraph(State).add_node(waits).add_node("b", chain([], "b1", "b2"))
    graph = graph.add_edge(START, "waits").add_edge("waits", "b").compile()
    async with house(ends, graph) as (run, stopping):
        running = asyncio.create_task(run.begin(budget=0.0 if held else FOR_EVER))
        await entered.wait()
        if held:
            go.set()
            assert (await running).outcome == "more"
        stopping.set()
        if held:
            await until(lambda: run.live.graph_of(run.run_id) is None, 5)
        else:
            await asyncio.sleep(0)
            go.set()
            assert ((await running).outcome, (await run.state())["log"]) == ("more", ["waits"])
        assert await run.go_on() is None


async def test_what_a_factory_opens_is_closed_in_the_task_that_opened_it(ends: BackEnds) -> None:
    tasks: list[asyncio.Task[Any] | None] = []

    @asynccontextmanager
    async def made(config: Any) -> AsyncGenerator[Any]:
        tasks.append(asyncio.current_task())
        try:
            yield chain([], "a", "b", "c")
        finally:
            tasks.append(asyncio.current_task())

    async with house(ends, made) as (run, _):
        results = [await run.begin(), await run.go_on(), await run.go_on()]
        assert [result and result.outcome for result in results] == ["more", "more", "done"]
        assert len(tasks) == 1
        graph = run.live.graph_of(run.run_id)
        assert graph is not None  # for who looks at how it ended
        await run.live.close(run.run_id)
    assert len(tasks) == 2
    assert tasks[0] is tasks[1]


async def test_who_closes_a_graph_that_is_being_closed_waits_for_it(ends: BackEnds) -> None:
    """What follows a close may be a rollback: nothing of the graph may be at work any more."""
    closing, go = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def made(config: Any) -> AsyncGenerator[Any]:
        yield chain([], "a", "b")
        closing.set()
        await go.wait()

    async with house(ends, made) as (run, _):
        await run.begin()
        closes = [asyncio.create_task(run.live.close(run.run_id)) for _ in range(2)]
        await closing.wait()
        await asyncio.wait(closes, timeout=0.05)
        assert [close.done() for close in closes] == [False, False]
        assert await run.go_on() is None
        go.set()
        await asyncio.gather(*closes)


class Ends(BaseCallbackHandler):
    """Hears a graph end."""

    run_inline = True

    def __init__(self) -> None:
        self.errors: list[type[BaseException]] = []

    def on_chain_error(self, error: BaseException, *, parent_run_id: UUID | None = None, **_: Any) -> None:
        if parent_run_id is None:
            self.errors.append(type(error))


async def test_a_held_graph_that_is_closed_is_over_at_once(ends: BackEnds) -> None:
    """Not when the garbage collector comes: till then it keeps its state, and goes on to clean up whenever that is."""
    heard = Ends()
    async with house(ends, chain([], "a", "b").with_config(callbacks=[heard])) as (run, _):
        assert (await run.begin()).outcome == "more"
        assert heard.errors == []
        await run.live.close(run.run_id)
        assert len(heard.errors) == 1


@pytest.mark.parametrize("where", ["opening", "closing"])
async def test_a_factory_that_hangs_holds_up_no_end(
    ends: BackEnds, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_graph, "_CANCEL_GRACE", 0.05)
    hangs, ended = asyncio.Event(), list[str]()

    async def hang() -> None:
        hangs.set()
        try:
            await asyncio.sleep(FOR_EVER)
        finally:
            ended.append(where)

    @asynccontextmanager
    async def made(config: Any) -> AsyncGenerator[Any]:
        if where == "opening":
            await hang()
        yield chain([], "a", "b")
        await hang()

    async with house(ends, made) as (run, _):
        running = asyncio.create_task(run.begin())
        if where == "opening":
            await hangs.wait()
        else:
            await running
        await asyncio.wait_for(run.live.close(run.run_id), 5)
        await until(lambda: ended == [where])
        await asyncio.wait({running})


async def test_a_factory_that_cancels_itself_is_its_runs_end(ends: BackEnds) -> None:
    async def made(config: Any) -> Any:
        raise asyncio.CancelledError

    async with house(ends, made) as (run, _):
        with pytest.raises(GraphLoadError, match="nobody cancelled it"):
            await run.begin()


def beside() -> Any:
    """A slow function beside a graph of many quick steps."""

    async def slow(state: State) -> dict[str, Any]:
        await asyncio.sleep(0.2)
        return {"log": ["slow"]}

    graph = StateGraph(State).add_node(slow).add_node("quick", chain([], "q1", "q2", "q3")).add_node("last", slow)
    return graph.add_edge(START, "slow").add_edge(START, "quick").add_edge(["slow", "quick"], "last").compile()


async def test_no_branch_waits_for_another_ones_slow_node(ends: BackEnds) -> None:
    async with house(ends, beside()) as (run, _):
        result = await run.begin()
        assert (result.outcome, result.steps, result.next) == ("more", 1, ["last"])


async def test_a_graph_whose_time_langgraph_measures_is_not_held_within_it(ends: BackEnds) -> None:
    graph = StateGraph(State).add_node("inner", chain([], "i1", "i2"), timeout=TimeoutPolicy(run_timeout=5))
    async with house(ends, graph.add_edge(START, "inner").compile()) as (run, _):
        assert (await run.begin()).outcome == "done"
