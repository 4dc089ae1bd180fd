"""The order of a run's durable writes: what was published and what was saved agree, wherever a crash falls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import pytest
from langchain_core.runnables import RunnableLambda
from langgraph.config import get_stream_writer
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from support.servers import until
from temporalio.testing import ActivityEnvironment

from perdure.activities.attempt import retry
from perdure.activities.attempt.failures import SliceFailed
from perdure.activities.driver.live_graph import LiveGraph
from perdure.activities.stream import outbox
from perdure.activities.stream import publisher as publisher_module
from perdure.bridge.contract import Bridge, NewEvent
from perdure.checkpoints.contract import Checkpoints, Guard
from perdure.contracts.errors import FencedError, RunNotFoundError, UnavailableError
from perdure.contracts.serialization.serializer import from_json
from perdure.contracts.wire import DeliveredAnswer, SliceInput, SliceResult

from ..driving import BackEnds, CutBridge, CutCheckpoints, Fuse, Power, make_run, worker_ends
from ..worlds import PLAIN, State, noted

MODES = ("values", "updates", "custom", "tasks")


class Journal:
    """The durable writes of a slice, each at its beginning and at its end."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def began(self, *whats: str) -> None:
        self.lines += [("began", what) for what in whats]

    def ended(self, *whats: str) -> None:
        self.lines += [("ended", what) for what in whats]

    def before(self, first: str, second: str) -> bool:
        """The first was durable before the second began."""
        return self.lines.index(("ended", first)) < self.lines.index(("began", second))


class JournalBridge(CutBridge):
    """Notes each event as `mode name`."""

    def __init__(self, inner: Bridge, journal: Journal, fault: Callable[[int], Exception | None]) -> None:
        super().__init__(inner, Power(Fuse()))
        self._journal = journal
        self._fault = fault
        self.calls = 0

    async def publish(self, run_id: str, events: Sequence[NewEvent], *, fence: int) -> int:
        self.calls += 1
        if error := self._fault(self.calls):
            raise error
        names = [f"{event.event} {_about(from_json(event.data))}" for event in events]
        self._journal.began(*names)
        last = await super().publish(run_id, events, fence=fence)
        self._journal.ended(*names)
        return last


def _about(data: Any) -> str:
    if "node" in data:
        return f"{data['node']}{data['part']}"
    if "result" in data:
        return f"{data['name']} result"
    return str(data.get("name") or next(iter(data)))


class JournalCheckpoints(CutCheckpoints):
    """Notes the writes of each task that sets `log`, and each checkpoint by its step."""

    def __init__(self, inner: Checkpoints, journal: Journal, fault: Callable[[str], Exception | None]) -> None:
        super().__init__(inner, Power(Fuse()))
        self._journal = journal
        self._fault = fault

    async def put(self, guard: Guard, *save: Any, **more: Any) -> None:
        _, _, metadata, _ = save
        with self._noted(f"checkpoint {metadata['step']}"):
            await super().put(guard, *save, **more)

    async def put_writes(self, guard: Guard, *save: Any, **more: Any) -> None:
        _, writes, _, _ = save
        log = "".join(word for channel, value in writes if channel == "log" for word in value)
        with self._noted(f"writes {log}"):
            await super().put_writes(guard, *save, **more)

    @contextmanager
    def _noted(self, what: str) -> Generator[None]:
        if error := self._fault(what):
            raise error
        self._journal.began(what)
        yield
        self._journal.ended(what)


def never(_: Any) -> None:
    return None


class Slices:
    """Slices of one run over back ends that keep a journal."""

    def __init__(
        self,
        ends: BackEnds,
        *,
        publishing: Callable[[int], Exception | None] = never,
        saving: Callable[[str], Exception | None] = never,
    ) -> None:
        self.journal = Journal()
        self.bridge = JournalBridge(ends.bridge, self.journal, publishing)
        self.checkpoints = JournalCheckpoints(ends.checkpoints, self.journal, saving)
        self._ends = ends

    async def run(self, graph: Any, *, budget: float = 1000.0, **spec: Any) -> SliceResult:
        """One slice from the run's input on."""
        run = await make_run(self._ends, graph, given={"log": []}, budget=budget, stream_modes=MODES, **spec)
        self._run = run
        return await self.slice(SliceInput(run_id=run.run_id, thread_id=run.thread_id, fence=1, limits=run.limits))

    async def again(self, **given: Any) -> SliceResult:
        """The next slice, as after a question."""
        return await self.slice(
            SliceInput(run_id=self._run.run_id, thread_id=self._run.thread_id, fence=2, slice=1, resumed=True, **given)
        )

    async def slice(self, given: SliceInput) -> SliceResult:
        await self._ends.checkpoints.take(given.run_id, given.thread_id, fence=given.fence)
        await self._ends.bridge.create(given.run_id)
        ends = worker_ends(self._run.graphs, cast("Bridge", self.bridge), self.checkpoints)
        live = LiveGraph(ends, given, self._run.spec, fence=given.fence)
        try:
            return await ActivityEnvironment().run(live.attend, given)
        finally:
            await live.close()


LINE = [("a", 1), ("b", 2), ("c", 3), ("d", 4)]


async def test_what_a_task_said_is_published_before_its_writes_are_saved(ends: BackEnds) -> None:
    slices = Slices(ends)
    await slices.run(PLAIN["line"]([]))
    for name, _ in LINE:
        assert slices.journal.before(f"custom {name}1", f"writes {name}")
        assert slices.journal.before(f"custom {name}2", f"writes {name}")


async def test_what_a_task_reports_is_published_after_its_writes_are_saved(ends: BackEnds) -> None:
    slices = Slices(ends)
    await slices.run(PLAIN["line"]([]))
    for name, _ in LINE:
        assert slices.journal.before(f"writes {name}", f"updates {name}")
        assert slices.journal.before(f"writes {name}", f"tasks {name} result")


async def test_all_of_a_superstep_is_published_before_its_checkpoint_is_saved(ends: BackEnds) -> None:
    slices = Slices(ends)
    await slices.run(PLAIN["line"]([]))
    for name, step in LINE:
        assert slices.journal.before(f"tasks {name} result", f"checkpoint {step}")


async def test_the_order_holds_for_parallel_tasks_and_subgraphs(ends: BackEnds) -> None:
    slices = Slices(ends)
    await slices.run(PLAIN["beside"]([]), stream_subgraphs=True)
    lines = [what.partition(" ") for kind, what in slices.journal.lines if kind == "ended"]
    order = [(mode.partition("|")[0], rest) for mode, _, rest in lines]
    for name in ("l1", "l2", "l3", "r1", "r2", "alone", "z"):
        said, saved = order.index(("custom", f"{name}2")), order.index(("writes", name))
        assert said < saved < order.index(("updates", name)) < order.index(("tasks", f"{name} result"))


async def test_the_order_holds_for_a_task_that_was_answered(ends: BackEnds) -> None:
    async def ask(state: State) -> dict[str, Any]:
        interrupt("?")
        get_stream_writer()({"node": "ask", "part": 1})
        return {"log": ["ask"]}

    graph = StateGraph(State)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    slices = Slices(ends, publishing=never)
    result = await slices.run(graph.compile())
    questions = result.questions
    await slices.again(answers=[DeliveredAnswer(id=questions[0].id, value="yes", answered=questions[0].answered)])
    assert slices.journal.before("custom ask1", "writes ask")
    assert slices.journal.before("writes ask", "updates ask")


async def test_the_order_holds_while_another_task_blocks_the_event_loop(ends: BackEnds) -> None:
    done = asyncio.Event()

    async def says(state: State) -> dict[str, Any]:
        get_stream_writer()({"node": "says", "part": 1})
        done.set()
        return {"log": ["says"]}

    async def blocks(state: State) -> dict[str, Any]:
        await done.wait()
        for _ in range(8):  # the save of the other task's writes begins in one of these turns
            time.sleep(0.11)  # noqa: ASYNC251 – that is the point
            await asyncio.sleep(0)
        return {"log": ["blocks"]}

    graph = StateGraph(State)
    graph.add_node("says", says)
    graph.add_node("blocks", blocks)
    graph.add_edge(START, "says")
    graph.add_edge(START, "blocks")
    slices = Slices(ends)
    await slices.run(graph.compile())
    assert slices.journal.before("writes says", "updates says")
    assert slices.journal.before("custom says1", "writes says")


async def test_a_hidden_task_costs_no_more_than_the_wait_for_its_report(
    ends: BackEnds, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = StateGraph(State)
    graph.add_node("hidden", RunnableLambda(noted([], "hidden")).with_config(tags=["langsmith:hidden"]))
    graph.add_edge(START, "hidden")
    monkeypatch.setattr(publisher_module, "_REPORT_TIMEOUT", 0.2)
    slices = Slices(ends)
    began = time.monotonic()
    result = await slices.run(graph.compile())
    assert result.outcome == "done"
    assert time.monotonic() - began < 1
    assert slices.journal.before("custom hidden1", "writes hidden")


async def test_the_start_of_a_graph_waits_for_nothing(ends: BackEnds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher_module, "_REPORT_TIMEOUT", 3.0)
    async with asyncio.timeout(2):
        await Slices(ends).run(PLAIN["line"]([]))


async def test_a_bridge_that_is_away_for_a_while_is_waited_for(ends: BackEnds) -> None:
    slices = Slices(ends, publishing=lambda call: UnavailableError("away") if call in (2, 3, 5) else None)
    result = await slices.run(PLAIN["line"]([]))
    assert result.outcome == "done"
    assert slices.journal.before("custom a2", "writes a")


async def test_a_bridge_that_stays_away_fails_the_slice(ends: BackEnds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_RETRY_FOR", 0.1)
    effects: list[str] = []
    slices = Slices(ends, publishing=lambda call: UnavailableError("away") if call > 3 else None)
    with pytest.raises(SliceFailed, match="away"):
        await slices.run(PLAIN["line"](effects))
    assert len(effects) < 4, "the graph ran on although nobody could see it"


@pytest.mark.parametrize("error", [FencedError("run", 1, 2), RunNotFoundError("run"), ValueError("a bug of the run")])
async def test_a_refused_event_fails_the_slice_at_once(ends: BackEnds, error: Exception) -> None:
    slices = Slices(ends, publishing=lambda call: error if call > 2 else None)
    with pytest.raises(SliceFailed, match="run"):
        await slices.run(PLAIN["line"]([]))


@pytest.mark.parametrize("what", ["writes b", "checkpoint 2"])
async def test_a_failed_save_fails_the_slice_and_not_the_graph(ends: BackEnds, what: str) -> None:
    effects: list[str] = []
    slices = Slices(ends, saving=lambda saved: UnavailableError("the disk is full") if saved == what else None)
    with pytest.raises(SliceFailed, match="the disk is full"):
        await slices.run(PLAIN["line"](effects))
    assert "d" not in effects
    assert ("ended", f"updates {'b' if what == 'writes b' else 'c'}") not in slices.journal.lines


async def test_a_value_that_cannot_be_saved_is_the_graphs_error(ends: BackEnds) -> None:
    async def node(state: State) -> dict[str, Any]:
        return {"log": [lambda: None]}

    graph = StateGraph(State)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    run = await make_run(ends, graph.compile(), given={"log": []})
    with pytest.raises(TypeError, match="serializable"):
        await run.to_end()


async def test_a_graph_that_swallows_a_failed_save_fails_all_the_same(ends: BackEnds) -> None:
    inner = PLAIN["line"]([])

    async def swallow(state: State) -> dict[str, Any]:
        try:
            await inner.ainvoke({"log": []})
        except Exception:  # noqa: BLE001 – as a careless node does
            return {"log": ["swallowed"]}
        return {"log": ["done"]}

    graph = StateGraph(State)
    graph.add_node("swallow", swallow)
    graph.add_edge(START, "swallow")
    slices = Slices(ends, saving=lambda saved: UnavailableError("the disk is full") if saved == "writes b" else None)
    with pytest.raises(SliceFailed, match="the disk is full"):
        await slices.run(graph.compile())


async def test_one_task_at_a_time_does_not_wait_for_ever(ends: BackEnds) -> None:
    async with asyncio.timeout(10):
        result = await Slices(ends).run(
            PLAIN["beside"]([]), budget=1000.0, stream_subgraphs=True, runnable_config={"max_concurrency": 1}
        )
    assert result.outcome == "done"


async def test_a_graph_waits_for_a_bridge_that_is_far_behind(ends: BackEnds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "_BACKLOG", 1_000)
    behind: list[int] = []
    said = 0

    async def talk(state: State) -> dict[str, Any]:
        nonlocal said
        for said in range(200):
            get_stream_writer()({"node": "talk", "part": said, "words": "x" * 100})
            await asyncio.sleep(0)
        return {"log": ["talk"]}

    graph = StateGraph(State)
    graph.add_node("talk", talk)
    graph.add_edge(START, "talk")
    slices = Slices(ends, publishing=never)
    inner = slices.bridge.publish

    async def slow(run_id: str, events: Sequence[NewEvent], *, fence: int) -> int:
        behind.append(sum(len(event.data) for event in events))
        await asyncio.sleep(0.001)
        return await inner(run_id, events, fence=fence)

    monkeypatch.setattr(slices.bridge, "publish", slow)
    await slices.run(graph.compile())
    assert max(behind) < 20_000
    assert ("ended", "custom talk199") in slices.journal.lines


async def test_a_cut_behind_a_backlog_does_not_wait_for_it(ends: BackEnds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "_BACKLOG", 1_000)

    async def talk(state: State) -> dict[str, Any]:
        for part in range(30):
            get_stream_writer()({"node": "talk", "part": part, "words": "x" * 100})
        saving.set()
        return {"log": ["talk"]}

    graph = StateGraph(State)
    graph.add_node("talk", talk)
    graph.add_edge(START, "talk")
    slices, saving = Slices(ends), asyncio.Event()

    async def stuck(run_id: str, events: Sequence[NewEvent], *, fence: int) -> int:
        return await asyncio.Event().wait() or 0

    monkeypatch.setattr(slices.bridge, "publish", stuck)
    running = asyncio.create_task(slices.run(graph.compile()))
    await saving.wait()
    began = time.monotonic()
    running.cancel()
    await asyncio.wait({running})
    assert time.monotonic() - began < 2
    assert ("began", "writes talk") not in slices.journal.lines


async def test_the_order_holds_behind_a_backlog(ends: BackEnds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "_BACKLOG", 1_000)

    async def talk(state: State) -> dict[str, Any]:
        for part in range(30):
            get_stream_writer()({"node": "talk", "part": part, "words": "x" * 100})
        return {"log": ["talk"]}

    graph = StateGraph(State)
    graph.add_node("talk", talk)
    graph.add_edge(START, "talk")
    slices = Slices(ends)
    inner = slices.bridge.publish

    async def slow(run_id: str, events: Sequence[NewEvent], *, fence: int) -> int:
        await asyncio.sleep(0.15)
        return await inner(run_id, events, fence=fence)

    monkeypatch.setattr(slices.bridge, "publish", slow)
    await slices.run(graph.compile())
    assert slices.journal.before("custom talk29", "writes talk")


async def test_a_slice_that_is_cancelled_while_it_saves_leaves_no_task_behind(
    ends: BackEnds, monkeypatch: pytest.MonkeyPatch
) -> None:
    effects, slices, before = list[str](), Slices(ends), asyncio.all_tasks()

    async def stuck(run_id: str, events: Sequence[NewEvent], *, fence: int) -> int:
        return await asyncio.Event().wait() or 0

    monkeypatch.setattr(slices.bridge, "publish", stuck)
    running = asyncio.create_task(slices.run(PLAIN["line"](effects), durability="async"))
    await until(lambda: "d" in effects)
    await until(lambda: any("aput_writes" in repr(task.get_coro()) for task in asyncio.all_tasks()))
    running.cancel()
    await asyncio.wait({running})
    if left := asyncio.all_tasks() - before - {running}:
        _, left = await asyncio.wait(left, timeout=0.5)
    names = [repr(task.get_coro()) for task in left]
    for task in left:
        task.cancel()
    assert names == []


async def test_what_a_cancelled_graph_could_not_say_is_not_saved(ends: BackEnds) -> None:
    async def says(state: State) -> dict[str, Any]:
        get_stream_writer()({"node": "says", "part": 1})
        cut.cancel()
        return {"log": ["says"]}

    async def tidies_up(state: State) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.3)  # longer than a save waits for its report

    graph = StateGraph(State)
    graph.add_node("says", says)
    graph.add_node("tidies_up", tidies_up)
    graph.add_edge(START, "says")
    graph.add_edge(START, "tidies_up")
    slices = Slices(ends)
    cut = asyncio.create_task(slices.run(graph.compile()))
    await asyncio.wait({cut})
    assert ("ended", "writes says") not in slices.journal.lines
    going_on = asyncio.create_task(slices.again())
    await until(lambda: ("ended", "writes says") in slices.journal.lines)
    going_on.cancel()
    await asyncio.wait({going_on})
    assert slices.journal.before("custom says1", "writes says")
