"""How a slice ends: by a stop, a shutdown, an error, a limit, or a graph that behaves badly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import pytest
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphRecursionError, NodeCancelledError
from langgraph.graph import START, StateGraph
from support.servers import until
from temporalio.testing import ActivityEnvironment

from perdure.activities.driver import live_graph as live_module
from perdure.activities.driver.live_graph import LiveGraph
from perdure.activities.graphs.graph_registry import load_graphs
from perdure.activities.graphs.run_config import thread_config
from perdure.bridge.contract import Bridge, NewEvent
from perdure.contracts.errors import UnavailableError, UnknownGraphError
from perdure.contracts.types import Stop
from perdure.contracts.wire import SliceInput, SliceResult

from ..comparing import LANGGRAPH_MODES, bare, bare_until, differences, published
from ..driving import BackEnds, Run, make_run, worker_ends
from ..worlds import PLAIN, State, chain, loop, noted

Node = Callable[[State], Awaitable[Any]]


def single(node: Node, *after: str, effects: list[str] | None = None) -> Any:
    """A graph of one node, and nodes after it."""
    graph = StateGraph(State)
    graph.add_node("node", cast("Any", node))
    graph.add_edge(START, "node")
    for before, name in zip(("node", *after), after, strict=False):
        graph.add_node(name, noted(effects if effects is not None else [], name))
        graph.add_edge(before, name)
    return graph.compile()


async def sliced(run: Run, environment: ActivityEnvironment, **given: Any) -> SliceResult:
    """The first slice of the run, in an activity that the test holds."""
    slice = SliceInput(run_id=run.run_id, thread_id=run.thread_id, fence=1, limits=run.limits, **given)
    await run.ends.checkpoints.take(run.run_id, run.thread_id, fence=1)
    await run.ends.bridge.create(run.run_id)
    live = LiveGraph(worker_ends(run.graphs, run.ends.bridge, run.ends.checkpoints), slice, run.spec, fence=1)
    try:
        return await environment.run(live.attend, slice)
    finally:
        await live.close()


class Gate:
    """A node that tells when it runs, and waits."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.open = asyncio.Event()

    async def __call__(self, state: State) -> dict[str, Any]:
        self.entered.set()
        await self.open.wait()
        return {"log": ["node"]}

    async def node(self, state: State) -> dict[str, Any]:
        return await self(state)


async def test_a_stop_ends_the_slice_in_the_middle_of_a_node(ends: BackEnds) -> None:
    gate = Gate()
    run = await make_run(ends, single(gate.node, "z"), given={"log": []})
    running = asyncio.create_task(sliced(run, ActivityEnvironment()))
    await gate.entered.wait()
    await ends.bridge.cancel(run.run_id, stop=Stop.NOW)
    result = await asyncio.wait_for(running, 5)
    assert (result.outcome, result.steps, result.next) == ("stopped", 0, ["node"])
    assert await run.final() == {"log": []}


async def test_a_stop_at_the_boundary_keeps_the_superstep(ends: BackEnds) -> None:
    gate = Gate()
    run = await make_run(ends, single(gate.node, "z"), given={"log": []})
    running = asyncio.create_task(sliced(run, ActivityEnvironment()))
    await gate.entered.wait()
    await ends.bridge.cancel(run.run_id, stop=Stop.AT_BOUNDARY)
    await asyncio.sleep(0.05)  # a stop that came too early would end the slice within this time
    assert not running.done()
    gate.open.set()
    result = await asyncio.wait_for(running, 5)
    assert (result.outcome, result.steps, result.next) == ("stopped", 1, ["z"])
    assert await run.final() == {"log": ["node"]}


async def test_an_interrupt_from_before_the_slice_stops_at_the_first_boundary(ends: BackEnds) -> None:
    effects: list[str] = []
    run = await make_run(ends, PLAIN["line"](effects), given={"log": []}, budget=1000)
    result = await sliced(run, ActivityEnvironment(), drain=True)
    assert result.outcome in ("more", "stopped")
    assert len(effects) <= 1


async def test_a_worker_that_shuts_down_hands_the_run_back(ends: BackEnds) -> None:
    gate, environment = Gate(), ActivityEnvironment()
    run = await make_run(ends, single(gate.node, "z"), given={"log": []}, budget=1000)
    running = asyncio.create_task(sliced(run, environment))
    await gate.entered.wait()
    environment.worker_shutdown()
    gate.open.set()
    result = await asyncio.wait_for(running, 5)
    assert (result.outcome, result.steps, result.next) == ("more", 1, ["z"])


async def test_what_a_cut_off_node_had_said_is_published(ends: BackEnds) -> None:
    entered = asyncio.Event()

    async def talk(state: State) -> dict[str, Any]:
        await noted([], "talk")(state)
        entered.set()
        await asyncio.Event().wait()
        return {}

    run = await make_run(ends, single(talk), given={"log": []}, stream_modes=("custom",))
    running = asyncio.create_task(sliced(run, ActivityEnvironment()))
    await entered.wait()
    await ends.bridge.cancel(run.run_id)
    await running
    assert [event.data["part"] for event in await run.events()] == [1, 2]


async def test_a_node_that_was_stopped_is_no_failed_one(ends: BackEnds) -> None:
    gate = Gate()
    run = await make_run(ends, single(gate.node, "z"), given={"log": []})
    running = asyncio.create_task(sliced(run, ActivityEnvironment()))
    await gate.entered.wait()
    await ends.bridge.cancel(run.run_id, stop=Stop.NOW)
    await running
    async with run.graphs.open("graph", {}, ends.checkpoints.saver) as graph:
        state = await graph.aget_state(thread_config(run.thread_id))
    assert [(task.name, task.error) for task in state.tasks] == [("node", None)]


async def test_a_stop_ends_the_slice_although_a_save_fails(ends: BackEnds, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    run = await make_run(ends, single(gate.node, "z"), given={"log": []})

    async def broken(*_: Any) -> None:
        await ends.bridge.cancel(run.run_id, stop=Stop.NOW)
        await asyncio.sleep(0.1)  # for the stop to come before the failure
        raise UnavailableError("the disk is full")

    running = asyncio.create_task(sliced(run, ActivityEnvironment()))
    await gate.entered.wait()
    monkeypatch.setattr(ends.checkpoints, "put_writes", broken)
    gate.open.set()
    assert (await asyncio.wait_for(running, 5)).outcome == "stopped"


async def test_a_node_that_ignores_its_cancellation_is_left_behind(
    ends: BackEnds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "_CANCEL_GRACE", 0.2)
    entered, leave = asyncio.Event(), asyncio.Event()

    async def stubborn(state: State) -> dict[str, Any]:
        entered.set()
        while not leave.is_set():
            try:
                await leave.wait()
            except asyncio.CancelledError:
                continue
        return {"log": ["too late"]}

    run = await make_run(ends, single(stubborn), given={"log": []})
    running = asyncio.create_task(sliced(run, ActivityEnvironment()))
    await entered.wait()
    began = time.monotonic()
    await ends.bridge.cancel(run.run_id)
    assert (await asyncio.wait_for(running, 5)).outcome == "stopped"
    assert time.monotonic() - began < 2
    await ends.checkpoints.take(run.run_id, run.thread_id, fence=2)  # as `finish_run` does
    leave.set()
    await asyncio.sleep(0.1)
    assert await run.final() == {"log": []}


async def test_a_cancelled_activity_leaves_no_task_behind(ends: BackEnds) -> None:
    gate = Gate()
    run = await make_run(ends, single(gate.node), given={"log": []})
    before = asyncio.all_tasks()
    running = asyncio.create_task(sliced(run, ActivityEnvironment()))
    await gate.entered.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await until(lambda: asyncio.all_tasks() - before <= {running})


async def test_an_exception_of_the_graph_is_raised_as_it_is(ends: BackEnds) -> None:
    class Own(Exception):
        pass

    async def fail(state: State) -> None:
        raise Own("why")

    run = await make_run(ends, single(fail), given={"log": []})
    with pytest.raises(Own, match="why"):
        await run.to_end()


async def test_a_node_that_raises_cancelled_error_is_an_error_of_the_graph(ends: BackEnds) -> None:
    async def cancel(state: State) -> None:
        raise asyncio.CancelledError

    run = await make_run(ends, single(cancel), given={"log": []})
    with pytest.raises(NodeCancelledError, match=r"'node' raised asyncio\.CancelledError"):
        await run.to_end()


async def test_a_graph_that_raised_is_tried_again_from_where_it_stood(ends: BackEnds) -> None:
    effects: list[str] = []
    broken = [True]

    async def flaky(state: State) -> dict[str, Any]:
        effects.append("flaky")
        if broken.pop() if broken else False:
            raise ValueError("no")
        return {"log": ["flaky"]}

    graph = StateGraph(State)
    graph.add_node("a", noted(effects, "a"))
    graph.add_node("flaky", flaky)
    graph.add_edge(START, "a")
    graph.add_edge("a", "flaky")
    run = await make_run(ends, graph.compile(), given={"log": []}, stream_modes=("updates",))
    with pytest.raises(ValueError, match="no"):
        await run.to_end()
    run.state.resumed, run.state.slices = True, 1
    events = await run.to_end()
    assert effects == ["a", "flaky", "flaky"]
    assert [event.data for event in events if event.event == "updates"] == [
        {"a": {"log": ["a"]}},
        {"flaky": {"log": ["flaky"]}},
    ]


async def test_the_result_of_a_task_that_failed_before_is_published(ends: BackEnds) -> None:
    broken = [True]

    async def flaky(state: State) -> dict[str, Any]:
        if broken:
            broken.clear()
            raise ValueError("no")
        return {"log": ["flaky"]}

    run = await make_run(ends, single(flaky), given={"log": []}, stream_modes=("tasks",))
    with pytest.raises(ValueError, match="no"):
        await run.to_end()
    run.state.resumed, run.state.slices = True, 1
    events = await run.to_end()
    results = [event.data for event in events if event.event == "tasks" and "result" in event.data]
    assert [result["result"] for result in results if not result["error"]] == [{"log": ["flaky"]}]


async def test_an_unknown_graph_is_refused_by_name(ends: BackEnds) -> None:
    run = await make_run(ends, PLAIN["line"]([]), given={"log": []})
    run.graphs = await load_graphs({"graf": PLAIN["line"]([])})
    with pytest.raises(UnknownGraphError, match="did you mean 'graf'"):
        await run.turn()


async def test_a_graph_that_swallows_the_pause_comes_to_its_end(ends: BackEnds) -> None:
    effects: list[str] = []
    inner = chain(effects, "i1", "i2", "i3", "i4", "i5", "i6")

    async def swallow(state: State) -> dict[str, Any]:
        try:
            found = await inner.ainvoke({"log": []})
        except Exception:  # noqa: BLE001 – as a careless node does
            return {"log": ["swallowed"]}
        return {"log": found["log"]}

    run = await make_run(ends, single(swallow, "z", effects=effects), given={"log": []}, budget=0)
    async with asyncio.timeout(10):
        await run.to_end()
    assert (await run.final())["log"][-1] == "z"
    assert len(run.slices) < 12


def unsaved(effects: list[str]) -> Any:
    graph = StateGraph(State)
    graph.add_node("inner", chain(effects, "i1", "i2", "i3", checkpointer=False))
    graph.add_node("z", noted(effects, "z"))
    graph.add_edge(START, "inner")
    graph.add_edge("inner", "z")
    return graph.compile()


async def test_a_subgraph_that_keeps_no_checkpoints_runs(ends: BackEnds) -> None:
    effects: list[str] = []
    run = await make_run(ends, unsaved(effects), given={"log": []}, budget=1000, durability="async")
    await run.to_end()
    assert effects == ["i1", "i2", "i3", "z"]


async def test_a_subgraph_that_keeps_no_checkpoints_runs_by_default(ends: BackEnds) -> None:
    effects: list[str] = []
    run = await make_run(ends, unsaved(effects), given={"log": []}, budget=1000)
    await run.to_end()
    assert effects == ["i1", "i2", "i3", "z"]


async def test_an_unsaved_subgraph_is_seen_wherever_it_is_a_part_of_a_node() -> None:
    inner = chain([], "i1", checkpointer=False)
    parts = {
        "bound": inner.with_config(tags=["t"]),
        "sequence": RunnableLambda(lambda state: state) | inner,
        "nested": unsaved([]),
        "saved": chain([], "i1"),
    }
    registry = await load_graphs({name: _of(part) for name, part in parts.items()})
    seen: dict[str, bool] = {}
    for name in parts:
        async with registry.open(name, {}, InMemorySaver()) as graph:
            seen[name] = registry.has_unsaved_subgraph(name, graph)
    assert seen == {"bound": True, "sequence": True, "nested": True, "saved": False}


def _of(part: Any) -> Any:
    graph = StateGraph(State)
    graph.add_node("part", part)
    graph.add_edge(START, "part")
    return graph.compile()


async def test_a_subgraph_that_keeps_no_checkpoints_runs_once_in_slices(ends: BackEnds) -> None:
    effects: list[str] = []
    run = await make_run(ends, unsaved(effects), given={"log": []}, budget=0, durability="async")
    for _ in range(20):
        if (await run.turn()).outcome == "done":
            break
    assert effects == ["i1", "i2", "i3", "z"]


async def _outcome(work: Awaitable[Any]) -> str:
    try:
        await work
    except GraphRecursionError as exc:
        return type(exc).__name__
    return "done"


@pytest.mark.parametrize("budget", [0.0, 1000.0])
async def test_the_recursion_limit_counts_over_all_slices(ends: BackEnds, budget: float) -> None:
    for limit in range(1, 9):
        effects, alone = list[str](), list[str]()
        config = {"recursion_limit": limit}
        run = await make_run(ends, loop(effects), given={"log": []}, budget=budget, runnable_config=config)
        found = await _outcome(run.to_end())
        assert (found, effects) == (await _outcome(bare(loop(alone), run)), alone), limit


async def test_the_recursion_limit_counts_anew_for_each_run_of_a_thread(ends: BackEnds) -> None:
    effects: list[str] = []
    for turn in (1, 2, 3):
        run = await make_run(
            ends, PLAIN["line"](effects), given={"log": []}, budget=0, thread_id="turns",
            runnable_config={"recursion_limit": 5},
        )  # fmt: skip
        await run.to_end()
        assert len(effects) == 4 * turn


async def test_the_recursion_limit_holds_after_a_cut(ends: BackEnds) -> None:
    effects: list[str] = []
    run = await make_run(ends, loop(effects, 20), given={"log": []}, budget=0, runnable_config={"recursion_limit": 5})
    for _ in range(2):
        await run.turn()
        run.state.resumed = True  # each slice looks at the thread, as after a cut
    assert await _outcome(run.to_end()) == "GraphRecursionError"
    assert effects == [f"work{number}" for number in range(5)]


async def test_the_error_names_the_runs_recursion_limit(ends: BackEnds) -> None:
    run = await make_run(ends, loop([], 20), given={"log": []}, budget=0, runnable_config={"recursion_limit": 5})
    with pytest.raises(GraphRecursionError, match="limit of 5 reached"):
        await run.to_end()


async def test_steps_are_counted_over_all_slices_and_cuts(ends: BackEnds) -> None:
    run = await make_run(ends, PLAIN["line"]([]), given={"log": []}, budget=0)
    steps: list[int] = []
    while not steps or run.slices[-1].outcome == "more":
        steps.append((await run.turn()).steps)
        run.state.resumed = len(steps) == 2
    assert steps == [1, 2, 3, 4]


class SlowBridge:
    """A bridge that takes its time to write."""

    def __init__(self, inner: Bridge) -> None:
        self._inner = inner
        self.stop_requested = inner.stop_requested

    async def publish(self, run_id: str, events: Sequence[NewEvent], *, fence: int) -> int:
        await asyncio.sleep(0.02)
        return await self._inner.publish(run_id, events, fence=fence)


def failing_edge() -> Any:
    """The edge behind the last node raises, once the node has said its say."""

    def goes(state: State) -> str:
        raise ValueError("no way")

    graph = StateGraph(State).add_node("a", noted([], "a")).add_node("b", noted([], "b"))
    graph.add_edge(START, "a").add_edge("a", "b").add_conditional_edges("b", goes, ["a"])
    return graph.compile()


def failing_node() -> Any:
    async def fails(state: State) -> dict[str, Any]:
        await noted([], "fails")(state)
        raise ValueError("no way")

    return single(fails)


def failing_inside() -> Any:
    return single(failing_edge())


@pytest.mark.parametrize("build", [failing_edge, failing_node, failing_inside])
async def test_what_a_graph_says_last_before_it_raises_is_in_its_stream(
    ends: BackEnds, build: Callable[[], Any]
) -> None:
    run = await make_run(ends, build(), given={"log": []}, stream_modes=LANGGRAPH_MODES, stream_subgraphs=True)
    slow = cast("Bridge", SlowBridge(ends.bridge))
    slice = SliceInput(run_id=run.run_id, thread_id=run.thread_id, fence=1, limits=run.limits)
    await ends.checkpoints.take(run.run_id, run.thread_id, fence=1)
    await ends.bridge.create(run.run_id)
    live = LiveGraph(worker_ends(run.graphs, slow, ends.checkpoints), slice, run.spec, fence=1)
    with pytest.raises(ValueError, match="no way"):
        await ActivityEnvironment().run(live.attend, slice)
    await live.close()
    expected = await bare_until(ValueError, build(), run)
    assert differences(published(await run.events()), expected) == []
