"""A stream for whose reader alone its run goes on: `on_disconnect="cancel"`.

A stream that is closed or dropped before its end cancels the run, also when nothing was ever read from it. For a
client that cannot do so any more (killed, cut off, frozen) there is a lease at the bridge. It is given before the run
is submitted and renewed by a task of its own, however slowly the stream is read; when it has run out, a worker cancels
the run. Only the creating stream counts: who joins later does not hold the run, and does not end it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable

from ..bridge.contract import Bridge
from ..contracts.errors import PerdureError, UnavailableError
from ..contracts.types import HEARTBEAT_EVENT, TERMINAL_EVENTS, RunRecord, RunSpec, StreamEvent
from .run_stream import RunStream

logger = logging.getLogger(__name__)

LEASE = 30.0
"""Seconds for which a client may be out of sight: an event loop that is busy, a bridge that is away."""
_RENEWALS = 3
"""Within one lease, so that one that fails or comes late does not matter."""
_RETRY = 1.0
"""Seconds until the next try, when a renewal fails: there is time for several before the lease is over."""

Attend = Callable[[str], Awaitable[None]]
_BEGUN = StreamEvent(id="0", event=HEARTBEAT_EVENT)


def is_attended(spec: RunSpec) -> bool:
    """Whether the run goes on only while the client is there that created its stream."""
    return spec.on_disconnect == "cancel"


async def create_attended(
    bridge: Bridge,
    create: Callable[[Attend], Awaitable[RunRecord]],
    cancel: Callable[[str], Awaitable[object]],
    *,
    heartbeat_interval: float | None = None,
) -> tuple[RunRecord, RunStream]:
    """Create a run that is cancelled when its reader goes away before the terminal event; its record and its stream.

    `create` has to await what it is given, with the run's id, before it submits the run. Raises what `create` does: if
    the run was submitted nevertheless and nobody submits it again, it is cancelled when the lease has run out.
    """
    attendance = _Attendance(bridge)
    try:
        record = await create(attendance.begin)
    except BaseException:
        attendance.lapse()
        raise
    events = bridge.subscribe(record.run_id, heartbeat_interval=heartbeat_interval)
    return record, await _begun(events, attendance, lambda: cancel(record.run_id))


async def join_attended(
    bridge: Bridge, run_id: str, cancel: Callable[[str], Awaitable[object]], events: AsyncGenerator[StreamEvent]
) -> RunStream:
    """The same for a run that is there: from now on this reader holds it, too."""
    attendance = _Attendance(bridge)
    await attendance.begin(run_id)
    return await _begun(events, attendance, lambda: cancel(run_id))


async def _begun(
    events: AsyncGenerator[StreamEvent], attendance: _Attendance, cancel: Callable[[], Awaitable[object]]
) -> RunStream:
    stream = _attended(events, attendance, cancel)
    await anext(stream)  # Python closes a generator that is dropped only if it was begun
    return RunStream(stream, let_go=attendance.hand_over)


class _Attendance:
    """The lease of one client on one run."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._run_id = ""
        self._due = float("inf")
        self._renewing: asyncio.Task[None] | None = None
        self.handed_over = False

    async def begin(self, run_id: str) -> None:
        self._run_id = run_id
        await self._bridge.attend(run_id, LEASE)
        self._due = time.monotonic() + LEASE / _RENEWALS
        self._renewing = asyncio.create_task(self._renew())

    async def renew_when_due(self) -> None:
        """For a reader that finds one event after the other and leaves the event loop no time between them."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + LEASE / _RENEWALS
        try:
            await self._bridge.attend(self._run_id, LEASE)
        except UnavailableError as exc:
            logger.warning("run %s will be cancelled if this lasts: %s", self._run_id, exc)
            self._due = time.monotonic() + _RETRY

    def hand_over(self) -> None:
        """Its end is not for this process to say: the lease runs out, or another one renews it."""
        self.handed_over = True

    def lapse(self) -> None:
        """Let the lease run out. That of a run that has ended is void anyway."""
        if self._renewing is not None:
            self._renewing.cancel()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._due - time.monotonic())
            await self.renew_when_due()


async def _attended(
    stream: AsyncGenerator[StreamEvent], attendance: _Attendance, cancel: Callable[[], Awaitable[object]]
) -> AsyncGenerator[StreamEvent]:
    """The stream, behind one event that only begins it."""
    ended = False
    try:
        yield _BEGUN
        async for event in stream:
            ended = event.event in TERMINAL_EVENTS
            yield event
            await attendance.renew_when_due()
    finally:
        attendance.lapse()
        try:
            await stream.aclose()
        finally:
            if not ended and not attendance.handed_over:
                await _try(cancel)


async def _try(cancel: Callable[[], Awaitable[object]]) -> None:
    try:
        await cancel()
    except PerdureError as exc:  # who closes a stream cannot do anything about it, and a worker will
        logger.warning("left to the workers, which cancel it within a minute: %s", exc)
