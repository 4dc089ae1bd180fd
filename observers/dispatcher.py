"""The dispatcher: tells the observers of a worker what the store has written down for them.

It goes in the background, so that no run waits for an observer. Where a run comes to rest, what the dispatcher has not
done within a moment is handed over to a notify workflow, so that it outlives the worker. The store knows how far each
observer is; by that a second dispatcher (of a worker taken for dead, say) is noticed, and one of the two stops.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol
from weakref import WeakValueDictionary

from temporalio.service import RPCError

from ..contracts.actor import bind_actor
from ..contracts.containment import ContainedExit, contained
from ..contracts.errors import PerdureError
from ..contracts.lifecycle import RunLifecycleEvent
from ..contracts.serialization.text import text_of
from ..contracts.telemetry.redaction import withheld
from ..store.contract import LifecycleStore, Undelivered
from .observer import DeliveryError, GiveUpError, Recipient

logger = logging.getLogger(__name__)

_PATIENCE = 0.25
"""Seconds for which the end of a run, and with it the next run of its thread, waits for observers."""
_PAUSE = 1.0
"""Seconds from a failure on before Temporal tries again."""
_AFTER_REPAIR = 30.0
"""Seconds within which a worker has written an end, or will have to begin again."""
_ACTIVITIES = 10
"""Runs whose events are delivered for Temporal at a time: observers that hang must not take the slots of runs."""
_ERROR_LENGTH = 500  # characters of an observer's error that are kept


class NotDeliveredError(Exception):
    """An observer has not taken an event. It will be told again."""


_FORESEEN = (NotDeliveredError, PerdureError, RPCError)


class HandOver(Protocol):
    """Has Temporal deliver the events of a run, in `after` seconds. Raises `RPCError`."""

    async def __call__(self, run_id: str, required: Sequence[str], *, after: float) -> None: ...


class Dispatcher:
    """Delivers to the observers of one worker. Each run's events reach each of them in order."""

    def __init__(
        self, store: LifecycleStore, observers: Sequence[Recipient], webhook: Recipient, hand_over: HandOver
    ) -> None:
        self._store = store
        self._observers = tuple(observers)
        self._webhook = webhook
        self._hand_over = hand_over
        self._required = [one.name for one in observers if one.required]
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[Any]] = set()
        """Kept here, because the event loop alone does not keep a task alive."""
        self._slots = asyncio.Semaphore(_ACTIVITIES)

    def tell(self, run_id: str) -> None:
        """Deliver in the background what has been written of a run that goes on."""
        if self._observers:
            self._spawn(self._deliver_or_hand_over(run_id))

    @asynccontextmanager
    async def telling(self, run_id: str, *, webhook: bool = False) -> AsyncGenerator[None]:
        """Deliver while the block does something else. After it, everything is delivered or handed over.

        `webhook`: the run has ended, and has one.
        """
        if not (self._observers or webhook):
            yield
            return
        delivering = self._spawn(self.deliver(run_id, webhook=webhook))
        yield
        await asyncio.wait({delivering}, timeout=_PATIENCE)
        if not delivering.done():
            # It goes on here, and has come to its end by then unless this worker has come to its own.
            await self._hand_over(run_id, self._required, after=max(one.timeout for one in self._all(webhook=webhook)))
        elif delivering.cancelled() or delivering.exception():
            await self._hand_over(run_id, self._required, after=_PAUSE)

    async def promise(self, run_id: str, *, webhook: bool) -> None:
        """Have Temporal deliver an end that is about to be written, should this worker die over it. Raises `RPCError`.

        For an end that no activity writes, and that is not repeated once it is written.
        """
        if self._required or webhook:
            await self._hand_over(run_id, self._required, after=_AFTER_REPAIR)

    async def deliver_for_temporal(self, run_id: str, *, webhook: bool, required: Sequence[str]) -> None:
        """Deliver everything that has been written of a run, in an activity. Raises as `deliver`.

        `required`: the names of observers that must be among those of this worker.
        """
        if self._slots.locked():
            raise NotDeliveredError("this worker is busy with the observers of other runs")
        async with self._slots:
            await self.deliver(run_id, webhook=webhook)
        if missing := sorted({*required} - {one.name for one in self._observers}):
            raise NotDeliveredError(f"this worker has no observer {missing[0]!r}")

    async def deliver(self, run_id: str, *, webhook: bool = False) -> None:
        """Deliver everything that has been written of a run. Raises `NotDeliveredError` or `UnavailableError`."""
        told = (self._tell_all(run_id, one) for one in self._all(webhook=webhook))
        results = await asyncio.gather(*told, return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        for failure in failures:
            if not isinstance(failure, NotDeliveredError):
                raise failure
        if failures:
            raise NotDeliveredError("; ".join(map(str, failures)))

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """The end of the block cuts short what is under way: the next activity of its run delivers it, or Temporal."""
        try:
            yield
        finally:
            tasks = [*self._tasks]
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=_PATIENCE)

    def _all(self, *, webhook: bool) -> tuple[Recipient, ...]:
        return (*self._observers, self._webhook) if webhook else self._observers

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _looked_at(self, task: asyncio.Task[Any]) -> BaseException | None:
        self._tasks.discard(task)
        return None if task.cancelled() else task.exception()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if error := self._looked_at(task):
            logger.warning("%s", error, exc_info=None if isinstance(error, _FORESEEN) else error)

    async def _deliver_or_hand_over(self, run_id: str) -> None:
        try:
            await self.deliver(run_id)
        except NotDeliveredError:
            await self._hand_over(run_id, self._required, after=_PAUSE)
            raise

    async def _tell_all(self, run_id: str, recipient: Recipient) -> None:
        turn = self._turns.setdefault((run_id, recipient.name), asyncio.Lock())
        async with turn:
            while (found := await self._store.undelivered(run_id, recipient.name)).events:
                if await self._tell_these(recipient, found):
                    continue
                if (await self._store.undelivered(run_id, recipient.name)).events:  # else the run was deleted
                    raise NotDeliveredError(f"observer {recipient.name} is told of run {run_id} by another worker, too")

    async def _tell_these(self, recipient: Recipient, found: Undelivered) -> bool:
        """False when somebody else has told the recipient of one of them meanwhile."""
        done = found.events[0].sequence - 1
        for event in found.events:
            wanted = recipient.only is None or event.event_type in recipient.only
            if not wanted and event is not found.events[-1]:
                continue  # it counts as done together with the next one
            failure = await self._tell(recipient, event, found.user_id) if wanted else None
            name, number = recipient.name, event.sequence
            if not await self._store.mark_delivered(event.run_id, name, number, after=done, failure=failure):
                return False
            done = event.sequence
        return True

    async def _tell(self, recipient: Recipient, event: RunLifecycleEvent, user_id: str | None) -> str | None:
        """Why it was given up, `None` when it was not. Raises `NotDeliveredError` when it has to be told again."""
        error = await self._outcome(recipient, event, user_id)
        if error is None:
            return None
        cause = (text_of(error) if isinstance(error, DeliveryError) else _named(error))[:_ERROR_LENGTH]
        text = f"observer {recipient.name} did not take event {event.event_id} ({event.event_type}): {cause}"
        age = (datetime.now(UTC) - event.occurred_at).total_seconds()
        if isinstance(error, GiveUpError) or max(0.0, age) >= recipient.retry_for:
            logger.warning("%s; it is given up", text.removesuffix(cause) + withheld(cause))
            return cause
        raise NotDeliveredError(text) from error

    async def _outcome(
        self, recipient: Recipient, event: RunLifecycleEvent, user_id: str | None
    ) -> BaseException | None:
        """What the observer raised. One that takes too long is left behind, even if it ignores its cancellation."""
        calling = asyncio.create_task(_call(recipient, event, user_id))
        self._tasks.add(calling)
        calling.add_done_callback(self._looked_at)
        try:
            await asyncio.wait({calling}, timeout=recipient.timeout)
            if not calling.done():
                return DeliveryError(f"it took longer than {recipient.timeout:g} s")
            return DeliveryError("it has cancelled itself") if calling.cancelled() else calling.exception()
        finally:
            calling.cancel()


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {text_of(error)}"


async def _call(recipient: Recipient, event: RunLifecycleEvent, user_id: str | None) -> None:
    with bind_actor(user_id):
        try:
            with contained():
                await recipient.observer.on_event(event)
        except ContainedExit as exc:
            raise DeliveryError(f"it wanted to end the process: {exc}") from exc
