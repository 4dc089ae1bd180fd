"""The graph of one run, alive in this worker from slice to slice: one `astream`, held in between.

So a run that nothing happens to is what LangGraph makes of the graph when it is called once. Only what is picked up
elsewhere, or after a question, is read back from the checkpointer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from langgraph.runtime import RunControl

from ...checkpoints.saver import FencedSaver
from ...contracts.errors import GraphLoadError, PerdureError
from ...contracts.serialization.allowed_types import showing_types
from ...contracts.types import RunSpec
from ...contracts.wire import SliceInput, SliceResult
from ..attempt.failures import SliceFailed, slice_failure
from ..attempt.heartbeat import Say
from ..graphs.back_ends import BackEnds
from ..graphs.breakpoints import check_breakpoints
from ..graphs.graph_registry import CompiledGraph
from ..graphs.interrupts import open_questions, still_due, stopped_at
from ..graphs.run_config import run_config, thread_config
from ..stream.outbox import OutboxClosed
from .gate import Gate
from .graph_call import GraphCall
from .pause_policy import PausePolicy
from .resume_point import ResumePoint, resume_point_of
from .stops import Stops, watching_shutdown
from .telling import Telling, first_of

logger = logging.getLogger(__name__)

_CANCEL_GRACE = 5.0
"""Seconds that a cancelled graph may take to clean up. Then the slice ends without it, and the fence keeps it out."""


class GraphRaised(Exception):
    """The graph uses Perdure itself, and raised an error of ours, its cause: it says nothing about this run."""


class LiveGraph:
    """`attend` for each slice, then `close`.

    One task owns it from its making to its end, since what a factory opens may have to be closed where it was opened.
    `slice`: the first that it attends. `attempt`: of the run. `may_hold`: whether a graph may wait for its next slice;
    else the slice goes on.
    """

    def __init__(
        self,
        ends: BackEnds,
        slice: SliceInput,
        spec: RunSpec,
        *,
        fence: int,
        attempt: int = 1,
        may_hold: Callable[[], bool] = lambda: True,
    ) -> None:
        self._ends = ends
        self._may_hold = may_hold
        self._slice = slice
        self._spec = spec
        self._fence = fence
        self._say: Say = lambda _: None
        self._telling = Telling(
            ends.bridge,
            ends.store.events,
            slice.run_id,
            spec,
            fence=fence,
            attempt=attempt,
            trace=slice.trace is not None,
            say=lambda text: self._say(text),
            limits=ends.limits,
        )
        self._saver = FencedSaver(
            ends.checkpoints, slice.run_id, fence=fence, hooks=self._telling.saves, state_size=ends.limits.state_size
        )
        self._stops = Stops(ends.bridge, slice.run_id, self._pause_at_boundary)
        self._control = RunControl()
        self._owner: asyncio.Task[None] | None = None
        self._made = asyncio.Event()
        self._ended = asyncio.Event()
        self._let_go = asyncio.Event()
        self._running: asyncio.Task[bool] | None = None
        self._reasons: list[asyncio.Task[bool]] = []
        """Waiting for what ends a slice, from its first slice to its last."""
        self._graph: CompiledGraph
        self._start: ResumePoint
        self._policy: PausePolicy
        self._gate: Gate
        self._out_of_time = False
        self.attended = False
        self.held = False
        """It waits at a superstep boundary for its next slice."""
        self.outdated = False
        """Its code has changed: it is not to be held any more."""

    async def attend(self, slice: SliceInput, *, say: Say = lambda _: None) -> SliceResult:
        """Let the graph go on to a pause (it is `held` then), a question, a stop or the end.

        Raises what the graph raised, or `SliceFailed` when the failure is not the graph's.
        """
        self._slice, self._say = slice, say
        self.attended, self.held = True, False
        try:
            return await self._attend()
        except Exception as exc:
            # An error of a back end or a lost fence is not the graph's, also where it came through the graph.
            if failure := self._failure:
                raise slice_failure(failure) from exc
            raise
        finally:
            self.attended = False
            if not self.held:
                await self._end()

    async def check_fence(self) -> None:
        """Raises `FencedError` if another attempt has taken the run over."""
        await self._ends.checkpoints.check(self._slice.run_id, fence=self._fence)

    @property
    def fence(self) -> int:
        """Of its attempt."""
        return self._fence

    @property
    def graph(self) -> CompiledGraph | None:
        """For reading, until it is closed."""
        return self._graph if self._made.is_set() and not self._let_go.is_set() else None

    def pause_soon(self) -> None:
        """The worker shuts down, or serves other code now."""
        if self._made.is_set():
            self._policy.pause_soon()

    async def close(self) -> None:
        """Cut the graph off, wherever it is, and let go of all that it holds. Idempotent, and done in bounded time."""
        self.held = False
        self._let_go.set()
        if (owner := self._owner) is None:
            return
        if not self._made.is_set():
            owner.cancel()  # a factory may open its graph for ever
        if not (await asyncio.wait({owner}, timeout=2 * _CANCEL_GRACE))[0]:
            logger.warning("run %s: what its graph's factory has opened does not close: cut off", self._slice.run_id)
            owner.cancel()
        elif self._made.is_set() and not owner.cancelled() and (error := owner.exception()):
            logger.warning("run %s: its graph's factory failed when it was closed: %r", self._slice.run_id, error)

    @property
    def _failure(self) -> BaseException | None:
        return self._saver.failure or self._telling.failure

    # The task that owns it.

    async def _make(self) -> None:
        """Open the graph and find out where it stands. Raises what makes that impossible."""
        if self._owner is None:
            self._owner = asyncio.create_task(self._own())
        if not self._made.is_set():
            await first_of(self._owner, self._made)
        if self._let_go.is_set():
            raise self._gone
        if self._owner.cancelled():  # by itself, which must not look like the activity's own cancellation
            raise GraphLoadError(
                f"{self._spec.assistant_id}: the factory raised CancelledError, but nobody cancelled it"
            )
        if self._owner.done():
            self._owner.result()

    @property
    def _gone(self) -> SliceFailed:
        return SliceFailed(f"the graph of run {self._slice.run_id} was let go: another attempt takes over")

    async def _own(self) -> None:
        config = run_config(self._spec, self._slice.run_id, self._slice.thread_id)
        async with self._ends.graphs.open(self._spec.assistant_id, config, self._saver) as graph:
            check_breakpoints(self._slice, self._spec, graph)
            self._graph = graph
            self._start = await resume_point_of(self._slice, self._spec, graph, self._saver, self._ends.checkpoints)
            self._policy = PausePolicy(self._control, self._spec, self._start, graph)
            self._gate = Gate(self._is_over, self._policy.unfinished.at_rest)
            over = self._ended.is_set() or self._let_go.is_set()
            if self._start.held_at is not None:
                await self._telling.stand_at_breakpoint(graph, self._saver, self._slice.thread_id)
            elif not over:
                async with self._telling.open(graph), self._stops:
                    call = GraphCall(graph, self._ends.graphs, self._spec, self._saver, self._telling)
                    running = call.run(self._start, config, self._control, self._policy, self._gate)
                    self._running = asyncio.create_task(running)
                    self._reasons = [asyncio.create_task(one.wait()) for one in self._reasons_to_stop]
                    self._made.set()
                    await first_of(self._ended, self._let_go)
                    await self._cut(self._running)
                    for reason in self._reasons:
                        reason.cancel()
            self._made.set()
            await self._let_go.wait()

    @property
    def _reasons_to_stop(self) -> tuple[asyncio.Event, ...]:
        return self._stops.now, *self._telling.failed

    def _is_over(self) -> bool:
        may_hold = self._saver.unsaved is None and (self._policy.must_pause or self._may_hold())
        return may_hold and self._policy.is_over

    async def _end(self) -> None:
        """It does not go on. What its factory has opened stays until `close`."""
        self._ended.set()
        if self._running is not None:
            await self._cut(self._running)

    async def _cut(self, running: asyncio.Task[bool]) -> None:
        if running.done():
            return
        self._telling.stop_listening()
        running.cancel()
        await asyncio.wait({running}, timeout=_CANCEL_GRACE)
        if not running.done():
            logger.warning("run %s: the graph ignores its cancellation and is left behind", self._slice.run_id)
        elif not running.cancelled() and (error := running.exception()):
            logger.info("run %s: the graph raised while it was cancelled: %r", self._slice.run_id, error)

    # One slice.

    async def _attend(self) -> SliceResult:
        self._telling.begin_slice()
        await self._make()
        if self._running is None:
            return await self._asks()
        self._policy.begin_slice(self._slice.limits.slice_budget)
        async with watching_shutdown(self._policy.pause_soon):
            if self._slice.drain:
                self._pause_at_boundary()
            paused = await self._until_over(self._running)
            if paused and await self._is_about_to_raise(self._running):
                paused = await self._until_over(self._running)
            return await self._report(paused=paused)

    async def _is_about_to_raise(self, running: asyncio.Task[bool]) -> bool:
        """Under durability `async` LangGraph learns only later that it could not save. Held, it might never do so."""
        await self._telling.flush()
        return self._saver.unsaved is not None and not running.done()

    def _pause_at_boundary(self) -> None:
        self._control.request_drain("interrupt")

    async def _until_over(self, running: asyncio.Task[bool]) -> bool | None:
        """Whether the graph has paused, or is held; `None` when it was cut off by a stop."""
        self._gate.open()
        self._telling.go_on()
        limit = self._slice.limits.step_timeout
        await first_of(running, self._gate.held, *self._reasons, timeout=limit)
        stopped = any(reason.is_set() for reason in self._reasons_to_stop)
        if self._gate.held.is_set() and not stopped:
            return True
        self._out_of_time = not (running.done() or stopped)
        if not running.done():
            await self._cut(running)
            if self._failure and not self._stops.now.is_set():
                raise slice_failure(self._failure) from self._failure  # the graph has swallowed it
            return None
        return await self._outcome(running)

    async def _outcome(self, running: asyncio.Task[bool]) -> bool:
        """Of a graph that has come to its end. Raises what it raised, once it is told what the graph said last."""
        if self._let_go.is_set():
            raise self._gone
        if running.cancelled():  # by itself, which must not look like the activity's own cancellation
            raise RuntimeError("a node of the graph raised CancelledError, although nobody cancelled the run")
        error = running.exception()
        if self._failure:
            raise slice_failure(self._failure) from self._failure
        await self._telling.end()
        if isinstance(error, PerdureError):
            raise GraphRaised from error
        return running.result()

    async def _report(self, *, paused: bool | None) -> SliceResult:
        if paused is None:
            with suppress(PerdureError, OutboxClosed, TimeoutError), showing_types():
                catching_up = self._telling.catch_up(self._graph, self._saver, self._slice.thread_id)
                await asyncio.wait_for(catching_up, timeout=_CANCEL_GRACE)
            return self._result("timeout" if self._out_of_time else "stopped")
        await self._telling.flush()
        if not paused:
            return await self._asks() if self._policy.next else self._result("done")
        outcome = "more" if self._stops.requested is None else "stopped"
        result = self._result(outcome, undelivered=await self._undelivered())
        self.held = self._gate.held.is_set() and outcome == "more" and not self._policy.must_pause
        return result

    async def _undelivered(self) -> list[str]:
        """A pause may come before a subgraph has taken its answer, which LangGraph holds in memory only."""
        if not self._start.answers:
            return []
        with showing_types():
            asked = await open_questions(self._graph, self._saver, thread_config(self._slice.thread_id))
        return list(still_due(self._start.answers, asked))

    async def _asks(self) -> SliceResult:
        """The graph stopped by itself before its end: at interrupts, or at a breakpoint."""
        with showing_types():
            asks = await stopped_at(self._graph, self._saver, thread_config(self._slice.thread_id))
        questions = asks.questions(preview=self._slice.limits.preview)
        return self._result("asks", questions=questions, breakpoint=asks.breakpoint, next=asks.next)

    def _result(self, outcome: str, **more: Any) -> SliceResult:
        known = {"steps": self._policy.steps, "next": self._policy.next}
        return SliceResult.model_validate({"outcome": outcome, **known, **more})
