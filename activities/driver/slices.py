"""A slice of a run: it goes on with the graph that is held here, or takes the run over, or finds it elsewhere."""

from __future__ import annotations

import asyncio
import logging
from typing import cast

from temporalio import activity
from temporalio.client import Client

from ...contracts.errors import GraphLoadError, PerdureError, RunNotFoundError, RunStateError, TypeNotAllowedError
from ...contracts.limit_errors import StreamFullError
from ...contracts.telemetry.metrics import instruments
from ...contracts.telemetry.redaction import withheld
from ...contracts.types import RunRecord, RunSpec, RunTrouble
from ...contracts.wire import ERROR_WORKER_SHUTDOWN, SliceInput, SliceResult
from ...contracts.wire_ending import GraphFailure
from ...contracts.wire_serving import NotServed
from ...contracts.wire_steering import ERROR_NOT_HELD
from ...contracts.workers import this_process
from ...observers.dispatcher import Dispatcher
from ..attempt.failures import MachineFailure, SliceFailed, final_failure, graph_failure, run_error
from ..attempt.fence import attempt_fence
from ..attempt.heartbeat import Heartbeat, Say, marked
from ..attempt.run_metrics import measure_begin, since
from ..attempt.spec_cache import SpecCache
from ..attempt.trouble import Troubles, was_lost
from ..graphs.back_ends import BackEnds
from ..graphs.serving import Serving
from ..run_events.human import human_message
from ..stream.lasting_bridge import attempt_event
from .live_graph import GraphRaised, LiveGraph
from .live_graphs import LiveGraphs
from .step_notes import StepNotes
from .suspects import Suspects
from .takeovers import check_takeovers, setback

logger = logging.getLogger(__name__)

_NOBODY = ""
"""For a holder, in what an attempt says of itself."""


class Slices:
    """Of one worker."""

    def __init__(
        self,
        ends: BackEnds,
        specs: SpecCache,
        dispatcher: Dispatcher,
        live: LiveGraphs,
        client: Client,
        serving: Serving,
        troubles: Troubles,
    ) -> None:
        self._ends = ends
        self._store = ends.store
        self._specs = specs
        self._dispatcher = dispatcher
        self._live = live
        self._client = client
        self._serving = serving
        self._suspects = Suspects(ends.store)
        self._troubles = troubles
        self._step_notes = StepNotes(ends.store)

    async def run(self, slice: SliceInput, info: activity.Info, heartbeat: Heartbeat) -> SliceResult:
        """Raises `ApplicationError` when the graph raised or the worker shuts down, else what is to be tried again."""
        if slice.release:
            await self._live.close(slice.run_id)
            return SliceResult(outcome="stopped", steps=slice.steps)
        if slice.holder is None:
            number = self._of_begun(slice, info, heartbeat)
            return await self._take_over(slice, info.attempt, number, heartbeat.say)
        own, before = slice.holder == self._live.task_queue, marked(info, slice.holder)
        # One that was lost before its first heartbeat was with the holder: any other would have answered at once.
        if not own and before is None and not await was_lost(self._client, info):
            return SliceResult(outcome="elsewhere", steps=slice.steps, attempt=info.attempt)
        held = own and self._live.holds(slice.run_id)
        number = self._number(before or slice.takeovers + 1, goes_on=held)
        heartbeat.mark(slice.holder, number)
        if held:
            with heartbeat.said_on_failure():
                return await self._go_on(slice, heartbeat.say)
        if info.task_queue == slice.holder:
            raise _not_held(slice.run_id)
        heartbeat.send()  # of another number: who comes after this attempt has to know it
        return await self._take_over(slice, info.attempt, number, heartbeat.say)

    async def _go_on(self, slice: SliceInput, say: Say) -> SliceResult:
        """With the graph that is held here."""
        if (live := await self._live.fetch(slice.run_id)) is None:
            raise _not_held(slice.run_id)
        return await self._run_graph(live, slice, 1, say)

    def _of_begun(self, slice: SliceInput, info: activity.Info, heartbeat: Heartbeat) -> int:
        """The attempt's number where nobody has held the graph. One that a shutdown kept from its begin has none."""
        usual, before = slice.takeovers + info.attempt, marked(info, _NOBODY)
        number = self._number(usual - 1 if before is None else before, goes_on=False)
        if number != usual:
            heartbeat.mark(_NOBODY, number)
            heartbeat.send()
        return number

    def _number(self, current: int, *, goes_on: bool) -> int:
        """Of the attempt that this slice is part of: only what begins anew has a number of its own."""
        return current if goes_on or self._live.shutting_down else current + 1

    async def _check_served(self, slice: SliceInput, attempt: int, number: int) -> None:
        """Before anything is taken or said: another worker begins the attempt."""
        graph = slice.assistant_id
        if graph is None or self._serving.serves(graph):
            return
        failed = None if attempt == 1 else await setback(self._client, self._ends.checkpoints, slice)
        lost = slice.lost if failed is None else failed.lost
        raise await self._serving.send_on(slice.run_id, graph, NotServed(begun=number - 1, lost=lost))

    async def _take_over(self, slice: SliceInput, attempt: int, number: int, say: Say) -> SliceResult:
        """Begin the run, or pick it up where its checkpoints have it. `number`: of the run's attempt."""
        if self._live.shutting_down:
            raise MachineFailure("the worker shuts down; another one takes the run over", type=ERROR_WORKER_SHUTDOWN)
        await self._check_served(slice, attempt, number)
        fence, begun = attempt_fence(slice.fence, attempt), number - slice.takeovers
        try:
            spec = await self._specs.full(slice.run_id)
        except TypeNotAllowedError as exc:
            raise graph_failure(exc, begun) from None
        await self._live.close(slice.run_id)  # of an attempt before this one
        record = await self._mark(slice, spec, fence, number)
        if record.status.terminal:
            return _over(slice, record)
        trouble = await self._begin(slice, spec, record, fence, number, say)
        async with self._suspects.turn(slice, trouble, fence=fence, say=say):
            live = LiveGraph(self._ends, slice, spec, fence=fence, attempt=number, may_hold=self._live.may_hold)
            await self._live.add(slice.run_id, live)
            result = await self._run_graph(live, slice, begun, say)
        if attempt > 1 or slice.lost:
            await self._store.clear_trouble(slice.run_id, fence=fence)
        return result

    async def _run_graph(self, live: LiveGraph, slice: SliceInput, attempt: int, say: Say) -> SliceResult:
        run_id = slice.run_id
        try:
            result = await live.attend(slice, say=say)
            self._step_notes.note(live, run_id, result.steps)
            holder = self._live.task_queue if live.held else None
            return result.model_copy(update={"attempt": attempt, "holder": holder})
        except StreamFullError as exc:
            raise final_failure(run_error(exc), attempt) from None
        except (RunStateError, GraphLoadError) as exc:
            error: BaseException = exc
        except GraphRaised as exc:
            error = exc.__cause__ or exc
        except (SliceFailed, PerdureError, asyncio.CancelledError):
            raise
        except BaseException as exc:  # noqa: BLE001 - whatever a graph raises is its failure
            error = exc
        finally:
            self._live.leave(run_id, live)
        # Not as the failure's cause: a text of some MB would be more than Temporal takes, and it would learn nothing.
        failure = graph_failure(error, attempt)
        raised = cast("GraphFailure", failure.details[0]).error
        logger.warning("run %s: the graph raised\n%s", run_id, withheld(raised.traceback or raised.type))
        await self._troubles.raised(slice, raised, fence=live.fence)
        raise failure

    async def _mark(self, slice: SliceInput, spec: RunSpec, fence: int, number: int) -> RunRecord:
        """Take the fence of the record. It comes first: of a run that was deleted nothing may come back."""
        return await self._store.mark_running(
            slice.run_id,
            fence=fence,
            attempt=number,
            sequence=slice.sequence or None,
            human_message=human_message(spec.input),
            setback=await setback(self._client, self._ends.checkpoints, slice),
            worker=this_process(),
        )

    async def _begin(
        self, slice: SliceInput, spec: RunSpec, record: RunRecord, fence: int, number: int, say: Say
    ) -> RunTrouble | None:
        """Take the fence everywhere else, and announce the attempt to those who read; the run's trouble."""
        await self._troubles.tell(slice.run_id, record.trouble, say)
        await check_takeovers(record, slice, spec, self._ends.checkpoints)
        measure_begin(record, number)
        self._dispatcher.tell(slice.run_id)
        await self._ends.checkpoints.take(slice.run_id, slice.thread_id, fence=fence)
        create = self._ends.bridge.create if number == 1 else self._ends.bridge.create_again
        await create(slice.run_id)
        await self._check_not_deleted(slice.run_id)
        self._ends.bridge.writes_as(slice.run_id, attempt=number, fence=fence)
        announcement = attempt_event(slice.run_id, slice.thread_id, number)
        await self._ends.bridge.publish(slice.run_id, [announcement], fence=fence)
        if number == 1:
            instruments().first_event.record(since(record), {"graph": record.assistant_id})
        return record.trouble

    async def _check_not_deleted(self, run_id: str) -> None:
        """A worker that was frozen since it saw the record has made anew what went with a deletion."""
        if await self._store.get(run_id) is None:
            await self._ends.bridge.cleanup(run_id)
            await self._ends.checkpoints.forget(run_id)
            raise RunNotFoundError(run_id)


def _over(slice: SliceInput, record: RunRecord) -> SliceResult:
    """The attempt before has written the run's end, and could not say so any more."""
    if not slice.may_end:
        raise RunNotFoundError(slice.run_id)
    return SliceResult(outcome="done", steps=record.steps)


def _not_held(run_id: str) -> MachineFailure:
    return MachineFailure(f"the graph of run {run_id} is held here no more", type=ERROR_NOT_HELD)
