"""What a live graph tells: its stream to the bridge, what happens in it to the store, both around its saves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langgraph.checkpoint.base import BaseCheckpointSaver

from ...bridge.contract import Bridge
from ...contracts.langgraph_names import INTERRUPT
from ...contracts.limit_settings import LimitSettings
from ...contracts.telemetry import tracing
from ...contracts.types import EVENTS_MODE, RunSpec
from ...store.event_contract import RunEventStore
from ..attempt.heartbeat import Say
from ..graphs.graph_registry import CompiledGraph
from ..graphs.interrupts import completed
from ..graphs.run_config import is_of, thread_config
from ..run_events import EventCallbacks, EventRecorder, RecordedSaves
from ..run_events.graph_spans import GraphSpans
from ..stream.authors import Authors
from ..stream.deduplicator import Deduplicator
from ..stream.graph_events import GraphEvents
from ..stream.outgoing import Namespace, Outgoing
from ..stream.publisher import Publisher
from ..stream.root_messages import RootMessages


class Telling:
    """Of one attempt at a run. Tells while `async with telling.open():`."""

    def __init__(
        self,
        bridge: Bridge,
        events: RunEventStore | None,
        run_id: str,
        spec: RunSpec,
        *,
        fence: int,
        attempt: int,
        trace: bool,
        say: Say,
        limits: LimitSettings,
    ) -> None:
        self._run_id = run_id
        self._deduplicator = Deduplicator(run_id, spec.stream_modes, subgraphs=spec.stream_subgraphs)
        self._publisher = Publisher(
            bridge,
            run_id,
            fence=fence,
            on_loaded=self._deduplicator.loaded,
            say=say,
            ordered=spec.durability != "exit",
            limits=limits,
        )
        self._recorder = EventRecorder(events, run_id, fence=fence, attempt=attempt, say=say)
        self._messages = RootMessages()
        self._tells_messages = "messages" in spec.stream_modes and not spec.stream_subgraphs
        self._tells_events = EVENTS_MODE in spec.stream_modes
        self._spans = GraphSpans() if trace and tracing.enabled() else None
        self.authors = Authors()
        self.saves = RecordedSaves(self._publisher, self._recorder)
        """The hooks of the graph's saver."""
        self.room = self._publisher.room
        """Wait while the bridge is far behind."""
        self.stop_listening = self._publisher.stop_listening
        self.go_on = self._publisher.go_on
        """The graph is not held any more."""
        self.failed = (self._publisher.failed, self._recorder.failed)
        """Set when nothing more can be told."""

    @property
    def failure(self) -> BaseException | None:
        """A back end's, which is not the graph's."""
        return self._publisher.failure or self._recorder.failure

    @property
    def callbacks(self) -> list[BaseCallbackHandler]:
        """What the graph is to be called with."""
        messages = [self._messages] if self._tells_messages else []
        spans = [self._spans] if self._spans is not None else []
        events = [GraphEvents(self._publish_event)] if self._tells_events else []
        return [EventCallbacks(self._recorder.add), *messages, *spans, *events]

    def _publish_event(self, event: Mapping[str, Any]) -> None:
        self._publisher.put(Outgoing(EVENTS_MODE, event))

    @asynccontextmanager
    async def open(self, graph: CompiledGraph) -> AsyncGenerator[None]:
        """While the graph goes on, or is held."""
        channels = graph.stream_channels_asis
        self._deduplicator.outputs = (channels,) if isinstance(channels, str) else channels
        async with AsyncExitStack() as stack:
            if self._spans is not None:
                stack.callback(self._spans.close)
            await stack.enter_async_context(self._recorder)
            await stack.enter_async_context(self._publisher)
            yield

    def begin(self, durability: str, *, is_held: Callable[[], bool]) -> None:
        """The graph is about to be called. `durability`: LangGraph's."""
        self._publisher.is_held = is_held
        self.saves.durability = durability
        self._publisher.ahead = durability == "async"

    def begin_slice(self) -> None:
        """What the graph does from now on belongs to another activity."""
        if self._spans is not None:
            self._spans.begin_slice()

    def feed(self, ns: Namespace, mode: str, chunk: Any) -> None:
        """One chunk of `astream(..., subgraphs=True)`."""
        if mode == "tasks":
            self.authors.feed(ns, chunk)
        if mode == "tasks" and "result" in chunk:
            self._end_of_task(str(chunk["id"]))
        for outgoing in self._deduplicator.feed(ns, mode, chunk):
            self._publisher.put(outgoing)

    def _end_of_task(self, task_id: str) -> None:
        for chunk in self._messages.of(task_id):
            for outgoing in self._deduplicator.feed((), "messages", chunk):
                self._publisher.put(outgoing)
        self._publisher.report(task_id)
        self._recorder.end(task_id)

    async def flush(self) -> None:
        """Wait until everything so far is where it belongs. Raises what made that impossible."""
        await self._publisher.flush()
        await self._recorder.flush()

    async def end(self) -> None:
        """The graph has come to its end, or raised: what it said last, too."""
        for outgoing in self._deduplicator.rest():
            self._publisher.put(outgoing)
        await self.flush()

    async def catch_up(self, graph: CompiledGraph, saver: BaseCheckpointSaver[Any], thread_id: str) -> None:
        """What a graph that was cut off had said, and the superstep that it may have saved last."""
        found = await saver.aget_tuple(thread_config(thread_id))
        if found is not None and is_of(found, self._run_id):
            for outgoing in self._deduplicator.caught_up(found, await completed(graph, found)):
                self._publisher.put(outgoing)
        await self._publisher.flush()

    async def stand_at_breakpoint(self, graph: CompiledGraph, saver: BaseCheckpointSaver[Any], thread_id: str) -> None:
        """Where the graph is not called: it had reached its newest checkpoint, and perhaps not said so."""
        async with self.open(graph):
            await self.catch_up(graph, saver, thread_id)
            self.feed((), "updates", {INTERRUPT: ()})
            await self._publisher.flush()


async def first_of(*reasons: asyncio.Event | asyncio.Task[Any], timeout: float | None = None) -> None:
    """Wait until one of them is set, or done."""
    waiting = {one if isinstance(one, asyncio.Task) else asyncio.create_task(one.wait()) for one in reasons}
    try:
        await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting.difference(reasons):
            one.cancel()
