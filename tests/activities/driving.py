"""A run driven slice by slice, as its workflow does it, over real back ends, and cut where a test wants it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from support.sampling import some
from temporalio.testing import ActivityEnvironment

from perdure.activities.attempt.failures import SliceFailed
from perdure.activities.attempt.fence import attempt_fence
from perdure.activities.driver.live_graph import GraphRaised, LiveGraph
from perdure.activities.graphs.back_ends import BackEnds as WorkerEnds
from perdure.activities.graphs.graph_registry import CompiledGraph, GraphRegistry, GraphSource, load_graphs
from perdure.activities.graphs.interrupts import stopped_at
from perdure.activities.graphs.run_config import run_config, thread_config
from perdure.bridge.contract import Bridge, NewEvent
from perdure.bridge.sqlite.bridge import SqliteBridge
from perdure.checkpoints.contract import Checkpoints, Guard, KnownRun, Place, RunNote
from perdure.checkpoints.sqlite.checkpoints import SqliteCheckpoints
from perdure.contracts.errors import FencedError
from perdure.contracts.serialization.serializer import from_json, to_json
from perdure.contracts.types import METADATA_EVENT, RunInterrupt, RunScope, RunSpec, RunStatus, StreamEvent
from perdure.contracts.wire import RunLimits, RunProgress, SliceInput, SliceResult
from perdure.store.contract import Store
from perdure.store.event_contract import RunEventStore
from perdure.workflows import run_state

T = TypeVar("T")

MOST_SLICES = 400
MOST_CUTS = 8

_numbers = count(1)


def spread(writes: int, most: int = MOST_CUTS) -> list[int]:
    """Of so many writes those to cut at: the first, the last, and one at random, but always the same, of each part.

    (With an even distance, the cuts would fall on writes of one kind.)
    """
    parts, at_random = max(1, most - 2), random.Random(writes)
    starts = [writes * part // parts for part in range(parts + 1)]
    chosen = {at_random.randrange(start, end) for start, end in pairwise(starts) if start < end}
    return [*some(sorted({0, *chosen, writes - 1}))]


class Fuse:
    """Cuts an attempt off before some of its run's durable writes, counted over all attempts."""

    def __init__(self, *cuts: int) -> None:
        self._cuts = set(cuts)
        self.count = 0

    def blows(self) -> bool:
        self.count += 1
        return self.count - 1 in self._cuts


class Power:
    """Of one attempt. Once it is cut, nothing that the attempt does reaches the disk, as after kill -9."""

    def __init__(self, fuse: Fuse) -> None:
        self._fuse = fuse
        self.cut = asyncio.Event()

    def use(self, run_id: str) -> None:
        """Before a durable write."""
        if self.cut.is_set() or self._fuse.blows():
            self.cut.set()
            raise FencedError(run_id, 0, 1)


class CutBridge:
    """Of a bridge what a slice uses, as long as there is power."""

    def __init__(self, inner: Bridge, power: Power) -> None:
        self._inner = inner
        self._power = power
        self.stop_requested = inner.stop_requested

    async def publish(self, run_id: str, events: Sequence[NewEvent], *, fence: int) -> int:
        self._power.use(run_id)
        return await self._inner.publish(run_id, events, fence=fence)


class CutCheckpoints(Checkpoints):
    """Checkpoints, as long as there is power."""

    def __init__(self, inner: Checkpoints, power: Power) -> None:
        self._inner = inner
        self._power = power

    @property
    def saver(self) -> Any:
        return self._inner.saver

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def take(self, run_id: str, thread_id: str, *, fence: int) -> None:
        await self._inner.take(run_id, thread_id, fence=fence)

    async def check(self, run_id: str, *, fence: int) -> None:
        await self._inner.check(run_id, fence=fence)

    async def put(self, guard: Guard, *save: Any, **more: Any) -> None:
        self._power.use(guard.run_id)
        await self._inner.put(guard, *save, **more)

    async def put_writes(self, guard: Guard, *save: Any, **more: Any) -> None:
        self._power.use(guard.run_id)
        await self._inner.put_writes(guard, *save, **more)

    async def note(self, run_id: str, note: RunNote | None = None) -> RunNote | None:
        if note is not None:
            self._power.use(run_id)
        return await self._inner.note(run_id, note)

    async def restore(self, run_id: str, thread_id: str, *, fence: int) -> None:
        await self._inner.restore(run_id, thread_id, fence=fence)

    async def settle(self, run_id: str) -> None:
        await self._inner.settle(run_id)

    async def delete_thread(self, thread_id: str) -> None:
        await self._inner.delete_thread(thread_id)

    async def copy_thread(self, thread_id: str, copy_id: str) -> None:
        await self._inner.copy_thread(thread_id, copy_id)

    async def newest(self, thread_id: str) -> list[Place]:
        return await self._inner.newest(thread_id)

    async def prune_thread(self, guard: Guard, thread_id: str, kept: Collection[Place]) -> None:
        await self._inner.prune_thread(guard, thread_id, kept)

    def outage(self, error: BaseException) -> bool:
        return self._inner.outage(error)

    async def forget(self, run_id: str) -> None:
        await self._inner.forget(run_id)

    async def known(self, *, after: str = "", limit: int = 500) -> list[KnownRun]:
        return await self._inner.known(after=after, limit=limit)


@dataclass
class BackEnds:
    """Real files, shared by the runs of a test."""

    bridge: SqliteBridge
    checkpoints: SqliteCheckpoints
    held: list[LiveGraph] = field(default_factory=list[LiveGraph])
    """Of runs that a test has left before their end."""


@asynccontextmanager
async def back_ends(folder: Path) -> AsyncGenerator[BackEnds]:
    opened = BackEnds(SqliteBridge(folder / "bridge.db"), SqliteCheckpoints(folder / "checkpoints.db"))
    await opened.bridge.start()
    await opened.checkpoints.start()
    try:
        yield opened
    finally:
        for live in opened.held:
            await live.close()
        await opened.checkpoints.close()
        await opened.bridge.close()


@dataclass
class Run:
    """One run."""

    ends: BackEnds
    graphs: GraphRegistry
    spec: RunSpec
    run_id: str = "run"
    thread_id: str = "thread"
    limits: RunLimits = field(default_factory=RunLimits)
    fuse: Fuse = field(default_factory=Fuse)
    cancels: Iterator[float | int | None] = field(default_factory=lambda: iter(()))
    """For each attempt: turns of the event loop (int) or seconds (float) until it is cancelled."""
    answer: Callable[[tuple[RunInterrupt, ...]], Any] | None = None
    moves: bool = False
    """Each slice is taken over by another worker, as when the one before it had shut down."""
    loses: bool = False
    """The first result of each slice does not reach Temporal: another worker begins the slice again."""
    state: RunProgress = field(default_factory=RunProgress)
    cuts: int = 0
    slices: list[SliceResult] = field(default_factory=list[SliceResult])
    asked: list[tuple[RunInterrupt, ...]] = field(default_factory=list[tuple[RunInterrupt, ...]])
    live: LiveGraph | None = None
    power: Power | None = None
    """Of the live graph's attempt."""

    async def to_end(self) -> list[StreamEvent]:
        """Slice after slice until the graph is done; what was published. Raises what the graph raised."""
        await ActivityEnvironment().run(self._to_end)
        return await self.events()

    async def _to_end(self) -> None:
        while await self._turn():
            assert self.state.slices < MOST_SLICES, f"no end after {MOST_SLICES} slices: {self.slices[-3:]}"

    async def turn(self) -> SliceResult:
        """The next slice, cut as often as it may be."""
        await ActivityEnvironment().run(self._turn)
        return self.slices[-1]

    async def _turn(self) -> bool:
        self.state.status = RunStatus.RUNNING
        result = await self._slice()
        self.slices.append(result)
        run_state.accept_result(self.state, result)
        if result.outcome == "asks":
            self.asked.append(await self.open_interrupts())
            if self.answer is None:
                return False
            self.state.status = RunStatus.AWAITING_INPUT
            run_state.accept_answer(self.state, self.answer(self.asked[-1]))
            self.state.resumed = True
        return result.outcome in ("more", "asks")

    async def open_interrupts(self) -> tuple[RunInterrupt, ...]:
        """What a reader is told when the run asks."""
        async with self._graph() as graph:
            saver = self.ends.checkpoints.saver
            return tuple((await stopped_at(graph, saver, thread_config(self.thread_id))).interrupts)

    async def final(self) -> Any:
        """The thread's state, in the form of a `values` event."""
        async with self._graph() as graph:
            return from_json(to_json((await graph.aget_state(thread_config(self.thread_id))).values))

    def _graph(self) -> AbstractAsyncContextManager[CompiledGraph]:
        config = run_config(self.spec, self.run_id, self.thread_id)
        return self.graphs.open(self.spec.assistant_id, config, self.ends.checkpoints.saver)

    async def _slice(self) -> SliceResult:
        state = self.state
        state.fence += 1
        given = SliceInput(
            run_id=self.run_id, thread_id=self.thread_id, fence=state.fence, slice=state.slices,
            takeovers=state.takeovers, steps=state.steps, limits=self.limits,
            breakpoint=state.breakpoint, answers=state.answers, resumed=state.resumed, drain=state.interrupt,
        )  # fmt: skip
        attempt = 1
        while (result := await self._attempt(given.model_copy(deep=True), attempt)) is None or self._is_lost(attempt):
            attempt += 1
            self.cuts += 1
        return result.model_copy(update={"attempt": attempt})

    def _is_lost(self, attempt: int) -> bool:
        return self.loses and attempt == 1

    async def _attempt(self, given: SliceInput, attempt: int) -> SliceResult | None:
        if self.live is None or not self.live.held or self.power is None:
            await self._take_over(given, attempt)
        assert self.live is not None
        assert self.power is not None
        power, turns = self.power, next(self.cancels, None)
        running = asyncio.create_task(self.live.attend(given))
        cutter = asyncio.create_task(_cancel_after(running, power, turns))
        try:
            return await running
        except GraphRaised as exc:
            raise (exc.__cause__ or exc) from None
        except (SliceFailed, FencedError):
            if not power.cut.is_set():
                raise
            return None
        except asyncio.CancelledError:
            if not cutter.done() or cutter.cancelled():
                raise
            return None
        finally:
            cutter.cancel()
            if self.moves or self.loses or not self.live.held:
                await self.live.close()
                self.ends.held.remove(self.live)
                self.live = None

    async def _take_over(self, given: SliceInput, attempt: int) -> None:
        fence, number = attempt_fence(given.fence, attempt), given.takeovers + attempt
        await self._begin(given, fence, number)
        self.power = Power(self.fuse)
        ends = worker_ends(
            self.graphs,
            cast("Bridge", CutBridge(self.ends.bridge, self.power)),
            CutCheckpoints(self.ends.checkpoints, self.power),
            self._event_store(self.power),
        )
        self.live = LiveGraph(ends, given, self.spec, fence=fence, attempt=number)
        self.ends.held.append(self.live)

    def _event_store(self, power: Power) -> RunEventStore | None:
        """Where the run's events go; nowhere, unless a test looks at them."""
        return None

    async def _begin(self, given: SliceInput, fence: int, number: int) -> None:
        data = {"run_id": given.run_id, "thread_id": given.thread_id, "attempt": number}
        await self.ends.checkpoints.take(given.run_id, given.thread_id, fence=fence)
        await self.ends.bridge.create(given.run_id)
        announcement = NewEvent(METADATA_EVENT, to_json(data), key=f"attempt\n{number}")
        await self.ends.bridge.publish(given.run_id, [announcement], fence=fence)

    async def events(self) -> list[StreamEvent]:
        """Everything in the stream so far."""
        found: list[StreamEvent] = []
        last = await self.ends.bridge.last_event_id(self.run_id)
        stream = self.ends.bridge.subscribe(self.run_id)
        while len(found) < last:
            found.append(await anext(stream))
        await stream.aclose()
        return found


def worker_ends(
    graphs: GraphRegistry, bridge: Bridge, checkpoints: Checkpoints, events: RunEventStore | None = None
) -> WorkerEnds:
    """What a live graph works with. `events`: where those of its run go, `None`: nowhere."""
    return WorkerEnds(graphs, bridge, cast("Store", SimpleNamespace(events=events)), checkpoints)


async def gathered(work: Iterable[Awaitable[T]], *, at_once: int = 8) -> list[T]:
    """The results of runs, so many of them at a time: a busy event loop would not be the worker's."""
    turn = asyncio.Semaphore(at_once)

    async def one(awaitable: Awaitable[T]) -> T:
        async with turn:
            return await awaitable

    return await asyncio.gather(*map(one, work))


async def _cancel_after(running: asyncio.Task[Any], power: Power, turns: float | int | None) -> None:
    if isinstance(turns, int):
        for _ in range(turns):
            await asyncio.sleep(0)
    elif turns is not None:
        await asyncio.sleep(turns)
    else:
        await power.cut.wait()
    running.cancel()


_loaded: dict[int, tuple[GraphSource, GraphRegistry]] = {}


async def load(graph: GraphSource) -> GraphRegistry:
    """As a worker has it: a graph is loaded once, however many runs it has. (To load one takes longer than a run.)"""
    if id(graph) not in _loaded:
        _loaded[id(graph)] = (graph, await load_graphs({"graph": graph}))
    return _loaded[id(graph)][1]


async def make_run(
    ends: BackEnds,
    graph: GraphSource,
    *,
    given: Any = None,
    thread_id: str | None = None,
    budget: float = 0.25,
    answer: Callable[[tuple[RunInterrupt, ...]], Any] | None = None,
    moves: bool = False,
    loses: bool = False,
    fuse: Fuse | None = None,
    cancels: Iterable[float | int | None] = (),
    limits: Mapping[str, Any] | None = None,
    **spec: Any,
) -> Run:
    """A run of a graph, with ids of its own."""
    number = next(_numbers)
    thread_id = thread_id or f"thread-{number}"
    return Run(
        ends,
        await load(graph),
        RunSpec(assistant_id="graph", scope=RunScope(thread_id=thread_id), input=given, **spec),
        run_id=f"run-{number}",
        thread_id=thread_id,
        limits=RunLimits(slice_budget=budget, **(limits or {})),
        fuse=fuse or Fuse(),
        cancels=iter(cancels),
        answer=answer,
        moves=moves,
        loses=loses,
    )
