"""One slice of a run: one or more supersteps of its graph, published and saved behind the slice's fence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained, GraphRecursionError
from langgraph.runtime import RunControl

from ..bridge.contract import Bridge
from ..checkpoints.contract import Checkpoints
from ..checkpoints.saver import FencedSaver
from ..contracts import tracing
from ..contracts.errors import PerdureError
from ..contracts.types import RunSpec
from ..contracts.wire import SliceInput, SliceResult
from ..store.contract import RunEventStore
from .callbacks import EventCallbacks, EventRecorder, RecordedSaves
from .config import is_of, recursion_limit, run_config, thread_config
from .graph_spans import GraphSpans
from .graphs import CompiledGraph, GraphRegistry
from .heartbeat import Say
from .messages import RootMessages
from .once import INTERNAL_MODES, Once
from .outbox import OutboxClosed
from .outgoing import Namespace
from .pace import Pace
from .publisher import Publisher
from .questions import completed, open_questions, still_due, stopped_at
from .served import check_served
from .start import Start, next_start, resumed_start
from .stops import Stops

logger = logging.getLogger(__name__)

_CANCEL_GRACE = 5.0
"""Seconds that a cancelled graph may take to clean up. Then the slice ends without it, and the fence keeps it out."""

_UNSAVED_BUG = "_put_checkpoint_fut"
"""What LangGraph misses under durability `sync` in a subgraph compiled with `checkpointer=False`. (Facts.)"""


class SliceFailed(Exception):
    """The machine, not the graph, ended the slice: it is to be tried again."""


class GraphRaised(Exception):
    """The graph uses Perdure itself, and raised an error of ours, its cause: it says nothing about this run."""


@dataclass(frozen=True, slots=True)
class SliceParts:
    """What a slice works with."""

    graphs: GraphRegistry
    bridge: Bridge
    checkpoints: Checkpoints
    events: RunEventStore | None = None
    """`None`: they are not kept."""


class Slice:
    """Runs once.

    `resumed`: it does not simply follow a slice that paused, so it looks at the thread first. `attempt`: of the run.
    `say`: tells an operator what it waits for.
    """

    def __init__(
        self,
        parts: SliceParts,
        slice: SliceInput,
        spec: RunSpec,
        *,
        fence: int,
        resumed: bool,
        attempt: int = 1,
        say: Say = lambda _: None,
    ) -> None:
        self._parts = parts
        self._slice = slice
        self._spec = spec
        self._resumed = resumed
        self._control = RunControl()
        self._once = Once(slice.run_id, spec.stream_modes, subgraphs=spec.stream_subgraphs)
        self._messages = RootMessages()
        self._publisher = Publisher(
            parts.bridge,
            slice.run_id,
            fence=fence,
            on_loaded=self._once.loaded,
            say=say,
            ordered=spec.durability != "exit",
        )
        self._recorder = EventRecorder(parts.events, slice.run_id, fence=fence, attempt=attempt, say=say)
        self._saves = RecordedSaves(self._publisher, self._recorder)
        self._saver = FencedSaver(parts.checkpoints, slice.run_id, fence=fence, hooks=self._saves)
        self._stops = Stops(parts.bridge, slice.run_id)
        self._out_of_time = False
        messages = "messages" in spec.stream_modes and not spec.stream_subgraphs
        self._callbacks: list[BaseCallbackHandler] = [EventCallbacks(self._recorder.add)]
        if messages:
            self._callbacks.append(self._messages)

    async def run(self) -> SliceResult:
        """Run to a pause, a question, a stop or the end.

        Raises what the graph raised, or `SliceFailed` when the failure is not the graph's.
        """
        try:
            return await self._run()
        except Exception as exc:
            # An error of a back end or a lost fence is not the graph's, also where it came through the graph.
            if failure := self._failure:
                raise SliceFailed(str(failure)) from exc
            raise

    @property
    def _failure(self) -> BaseException | None:
        return self._saver.failure or self._publisher.failure or self._recorder.failure

    async def _run(self) -> SliceResult:
        config = run_config(self._spec, self._slice.run_id, self._slice.thread_id)
        async with AsyncExitStack() as stack:
            opening = self._parts.graphs.open(self._spec.assistant_id, config, self._saver)
            graph = await stack.enter_async_context(opening)
            channels = graph.stream_channels_asis
            self._once.outputs = (channels,) if isinstance(channels, str) else channels
            start = await self._start(graph)
            pace = Pace(self._control, self._slice, self._spec, start, graph)
            if start.held_at is not None:
                return await self._asks(graph, pace)
            if self._slice.trace is not None and tracing.enabled():
                spans = GraphSpans()
                stack.callback(spans.close)
                self._callbacks.append(spans)
            await stack.enter_async_context(self._recorder)
            await stack.enter_async_context(self._publisher)
            await stack.enter_async_context(
                self._stops.watching(on_request=self._pause_at_boundary, on_shutdown=pace.pause_soon)
            )
            paused = await self._run_graph(graph, start, pace, config)
            return await self._report(graph, start, pace, paused=paused)

    async def _start(self, graph: CompiledGraph) -> Start:
        if self._resumed:
            return await resumed_start(self._slice, self._spec, graph, self._saver, self._parts.checkpoints)
        if head := await self._saver.aget_tuple(thread_config(self._slice.thread_id)):
            await check_served(self._slice, graph, self._saver, head)  # the worker may be another one
        return next_start(self._slice, self._spec, graph)

    async def _run_graph(self, graph: CompiledGraph, start: Start, pace: Pace, config: RunnableConfig) -> bool | None:
        """Whether the graph paused before its end; `None` when it was cut off by a stop."""
        self._complete(config, graph, start)
        if self._slice.drain:
            self._pause_at_boundary()
        paused = await self._until_stopped(asyncio.create_task(self._stream(graph, start, pace, config)))
        if self._failure and not self._stops.now.is_set():
            raise SliceFailed(str(self._failure)) from self._failure  # the graph has swallowed it
        return paused

    def _complete(self, config: RunnableConfig, graph: CompiledGraph, start: Start) -> None:
        limit = recursion_limit(self._spec, graph)
        if limit - start.spent < 1:
            raise _limit_reached(limit)
        config["recursion_limit"] = limit - start.spent
        config["callbacks"] = [*cast("Iterable[Any]", config.get("callbacks") or ()), *self._callbacks]
        if start.checkpoint_id:
            config["configurable"] = {**config.get("configurable", {}), "checkpoint_id": start.checkpoint_id}

    def _pause_at_boundary(self) -> None:
        self._control.request_drain("interrupt")

    async def _until_stopped(self, running: asyncio.Task[bool]) -> bool | None:
        ends = [asyncio.create_task(event.wait()) for event in self._reasons_to_stop]
        try:
            limit = self._slice.limits.step_timeout
            done, _ = await asyncio.wait({running, *ends}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            self._out_of_time = not done
            if not running.done():
                return None
            if running.cancelled():  # by itself, which must not look like the activity's own cancellation
                raise RuntimeError("a node of the graph raised CancelledError, although nobody cancelled the run")
            if isinstance(error := running.exception(), PerdureError) and self._failure is None:
                raise GraphRaised from error
            return running.result()
        finally:
            for end in ends:
                end.cancel()
            await self._cut(running)

    @property
    def _reasons_to_stop(self) -> tuple[asyncio.Event, ...]:
        return self._stops.now, self._publisher.failed, self._recorder.failed

    async def _cut(self, running: asyncio.Task[bool]) -> None:
        if running.done():
            return
        self._publisher.stop_listening()
        running.cancel()
        await asyncio.wait({running}, timeout=_CANCEL_GRACE)
        if not running.done():
            logger.warning("run %s: the graph ignores its cancellation and is left behind", self._slice.run_id)
        elif not running.cancelled() and (error := running.exception()):
            logger.info("run %s: the graph raised while it was cancelled: %r", self._slice.run_id, error)

    async def _stream(self, graph: CompiledGraph, start: Start, pace: Pace, config: RunnableConfig) -> bool:
        self._saves.durability = self._durability(graph)
        self._publisher.ahead = self._saves.durability == "async"
        chunks = cast("Any", graph).astream(
            start.input,
            config,
            context=self._spec.context,
            stream_mode=sorted({*self._spec.stream_modes, *INTERNAL_MODES}),
            subgraphs=True,
            durability=self._saves.durability,
            control=self._control,
            interrupt_before=_nodes(self._spec.interrupt_before),
            interrupt_after=_nodes(self._spec.interrupt_after),
        )
        try:
            async for ns, mode, chunk in chunks:
                self._see(ns, mode, chunk, pace)
                await self._publisher.room()
        except GraphDrained:
            return True
        except GraphRecursionError as exc:  # it names what was left for this slice
            raise _limit_reached(recursion_limit(self._spec, graph)) from exc
        except AttributeError as exc:
            if exc.name != _UNSAVED_BUG:
                raise
            self._parts.graphs.note_unsaved_subgraph(self._spec.assistant_id)
            raise SliceFailed("a subgraph keeps no checkpoints; the graph goes on with durability async") from exc
        return False

    def _durability(self, graph: CompiledGraph) -> Any:
        if self._spec.durability is not None:
            return self._spec.durability
        # LangGraph fails under `sync` in a subgraph that keeps no checkpoints. Not each can be seen beforehand.
        unsaved = self._parts.graphs.has_unsaved_subgraph(self._spec.assistant_id, graph)
        return "async" if unsaved else "sync"

    def _see(self, ns: Namespace, mode: str, chunk: Any, pace: Pace) -> None:
        if mode == "tasks":
            if "result" in chunk:
                self._end_of_task(str(chunk["id"]))
            pace.on_task(ns, chunk)
        elif mode == "checkpoints" and not ns:
            pace.on_checkpoint(chunk)
        for outgoing in self._once.feed(ns, mode, chunk):
            self._publisher.put(outgoing)

    def _end_of_task(self, task_id: str) -> None:
        for chunk in self._messages.of(task_id):
            for outgoing in self._once.feed((), "messages", chunk):
                self._publisher.put(outgoing)
        self._publisher.report(task_id)
        self._recorder.end(task_id)

    async def _report(self, graph: CompiledGraph, start: Start, pace: Pace, *, paused: bool | None) -> SliceResult:
        if paused is None:
            with suppress(PerdureError, OutboxClosed, TimeoutError):
                await asyncio.wait_for(self._catch_up(graph), timeout=_CANCEL_GRACE)
            return _result("timeout" if self._out_of_time else "stopped", pace)
        for outgoing in self._once.rest():
            self._publisher.put(outgoing)
        await self._publisher.flush()
        await self._recorder.flush()
        if paused:
            outcome = "more" if self._stops.requested is None else "stopped"
            return _result(outcome, pace, undelivered=await self._undelivered(graph, start))
        return await self._asks(graph, pace) if pace.next else _result("done", pace)

    async def _undelivered(self, graph: CompiledGraph, start: Start) -> list[str]:
        """A pause may come before a subgraph has taken its answer, which LangGraph holds in memory only."""
        if not start.answers:
            return []
        asked = await open_questions(graph, self._saver, thread_config(self._slice.thread_id))
        return list(still_due(start.answers, asked))

    async def _catch_up(self, graph: CompiledGraph) -> None:
        """Publish what a graph that was cut off had said, and the superstep that it may have saved last."""
        found = await self._saver.aget_tuple(thread_config(self._slice.thread_id))
        if found is not None and is_of(found, self._slice.run_id):
            for outgoing in self._once.caught_up(found, await completed(graph, found)):
                self._publisher.put(outgoing)
        await self._publisher.flush()

    async def _asks(self, graph: CompiledGraph, pace: Pace) -> SliceResult:
        """The graph stopped by itself before its end: at interrupts, or at a breakpoint."""
        asks = await stopped_at(graph, self._saver, thread_config(self._slice.thread_id))
        questions = asks.questions(preview=self._slice.limits.preview)
        return _result("asks", pace, questions=questions, breakpoint=asks.breakpoint, next=asks.next)


def _result(outcome: str, pace: Pace, **more: Any) -> SliceResult:
    known = {"steps": pace.steps, "next": pace.next, "progressed": pace.progressed}
    return SliceResult.model_validate({"outcome": outcome, **known, **more})


def _limit_reached(limit: int) -> GraphRecursionError:
    return GraphRecursionError(f"Recursion limit of {limit} reached without hitting a stop condition.")


def _nodes(nodes: tuple[str, ...] | str) -> Any:
    return nodes if isinstance(nodes, str) else list(nodes)
