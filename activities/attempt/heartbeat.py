"""The heartbeat of an activity: proof of life for Temporal, and how a cancel reaches it when all else fails.

It comes from the event loop. A node may block that loop for a long time, which is no reason to take its worker for
lost and to repeat the step elsewhere: then it comes from a thread, which shares nothing with the loop but its process.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta

from temporalio import activity
from temporalio.client import AsyncActivityCancelledError, Client

logger = logging.getLogger(__name__)

Say = Callable[[str | None], None]
"""Shows in the Temporal UI what an activity waits for; `None`: for nothing any more."""

BEATS = 4
"""Heartbeats within one timeout, so that a missed one does not matter."""
_LOOK = 0.25
"""Seconds between two looks at the heartbeats, or less where their intervals are shorter."""
_LATE = 1.5
"""Intervals without a heartbeat after which the event loop is taken to stand still."""


class Heartbeat:
    """The heartbeats of one activity."""

    def __init__(self, info: activity.Info) -> None:
        self.task_token = info.task_token
        self.workflow_id = info.workflow_id
        self.interval = (info.heartbeat_timeout or timedelta.max).total_seconds() / BEATS
        """Seconds between two of them."""
        self.details: tuple[str, ...] = ()
        """What it waits for, if anything, and the graph's holder that attends it, if any."""
        self._said: str | None = None
        self._mark: tuple[str, ...] = ()
        self.sent = time.monotonic()
        """When the event loop sent the last one."""
        self.stood_in = 0.0
        """When the pulse did."""
        self.stands_in = False

    @property
    def silent(self) -> float:
        """Seconds since the last one."""
        return time.monotonic() - max(self.sent, self.stood_in)

    def send(self) -> None:
        """Send one. To be called in the activity's own context."""
        self.sent = time.monotonic()
        activity.heartbeat(*self.details)

    def say(self, text: str | None) -> None:
        """`Say`."""
        self._said = text
        self._show()
        self.send()

    def mark(self, holder: str, number: int) -> None:
        """This attempt goes on with what the worker of this task queue has held, or takes the run over from it.

        `number`: of the run's attempt. The next heartbeat says so: a short slice has none, and need not.
        """
        self._mark = (holder, str(number))
        self._show()

    @contextmanager
    def said_on_failure(self) -> Generator[None]:
        """Whatever fails in the block, the next attempt finds what this one had to say."""
        try:
            yield
        except BaseException:
            self.send()  # the SDK passes it on before the failure
            raise

    def _show(self) -> None:
        said = () if self._said is None else (self._said,)
        self.details = (self._said or "", *self._mark) if self._mark else said


def marked(info: activity.Info, holder: str) -> int | None:
    """The number with which an earlier attempt of this activity has marked itself: `holder` holds nothing any more."""
    details = [*info.heartbeat_details]
    return int(details[2]) if len(details) == 3 and details[1] == holder else None


class Pulse:
    """Sends the heartbeats of a worker's activities while the worker's event loop stands still: `with Pulse(client):`.

    While the loop moves, it sends nothing. It looks by itself: to be woken for each activity would cost more than that.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._watched: set[Heartbeat] = set()
        """Changed by the event loop's thread, and copied by the other one in one step."""
        self.begun = 0
        """How many activities there have been."""
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        # A daemon: no heartbeat is worth holding up the end of the process.
        self._thread = threading.Thread(target=self._run, name="perdure-pulse", daemon=True)

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    @property
    def busy(self) -> bool:
        """Whether an activity goes on."""
        return bool(self._watched)

    @contextmanager
    def watching(self, heartbeat: Heartbeat) -> Generator[None]:
        """Stand in for the event loop within the block."""
        self._watched.add(heartbeat)
        self.begun += 1
        try:
            yield
        finally:
            self._watched.discard(heartbeat)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._look())

    async def _look(self) -> None:
        while not self._over.is_set():
            for heartbeat in [*self._watched]:
                if heartbeat.silent > _LATE * heartbeat.interval and not heartbeat.stands_in:
                    sending = asyncio.create_task(self._stand_in(heartbeat))
                    self._sending.add(sending)
                    sending.add_done_callback(self._sending.discard)
            shortest = min((heartbeat.interval for heartbeat in [*self._watched]), default=_LOOK)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), min(_LOOK, shortest / 2))

    async def _stand_in(self, heartbeat: Heartbeat) -> None:
        heartbeat.stands_in = True
        if heartbeat.stood_in < heartbeat.sent:
            logger.warning(
                "the event loop has stood still for %.1f s: a node blocks it; %s is kept alive",
                heartbeat.silent,
                heartbeat.workflow_id,
            )
        if await self._send(heartbeat):
            heartbeat.stood_in = time.monotonic()
        heartbeat.stands_in = False

    async def _send(self, heartbeat: Heartbeat) -> bool:
        handle = self._client.get_async_activity_handle(task_token=heartbeat.task_token)
        limit = timedelta(seconds=heartbeat.interval)
        try:
            await handle.heartbeat(*heartbeat.details, rpc_timeout=limit)
        except AsyncActivityCancelledError:
            return True  # it was counted; the event loop's next one brings the cancellation to the activity
        except Exception as exc:  # noqa: BLE001 - the server is away, the activity is gone, a codec failed: no harm done
            logger.info("no heartbeat for %s: %s", heartbeat.workflow_id, exc)
            return False
        return True


@asynccontextmanager
async def heartbeating(pulse: Pulse) -> AsyncGenerator[Heartbeat]:
    """Sends the activity's heartbeats while the block runs."""
    heartbeat = Heartbeat(activity.info())
    beating = asyncio.create_task(_beat(heartbeat))
    try:
        with pulse.watching(heartbeat):
            yield heartbeat
    finally:
        beating.cancel()


async def _beat(heartbeat: Heartbeat) -> None:
    """Temporal counts from the activity's start: a heartbeat then would be one call more for each short slice."""
    while True:
        await asyncio.sleep(heartbeat.interval)
        heartbeat.send()
