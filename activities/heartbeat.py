"""The heartbeat of an activity: proof of life for Temporal, and how a cancel reaches it when all else fails.

It comes from the event loop. A node may block that loop for a long time, which is no reason to take its worker for
lost and to repeat the step elsewhere: then it comes from a thread, which shares nothing with the loop but its process.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio import activity
from temporalio.client import AsyncActivityCancelledError, Client

logger = logging.getLogger(__name__)

Say = Callable[[str | None], None]
"""Shows in the Temporal UI what an activity waits for; `None`: for nothing any more."""

BEATS = 4
"""Heartbeats within one timeout, so that a missed one does not matter."""
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
        self._holder: str | None = None
        self.sent = time.monotonic()
        """When the event loop sent the last one."""

    def send(self) -> None:
        """Send one. To be called in the activity's own context."""
        self.sent = time.monotonic()
        activity.heartbeat(*self.details)

    def say(self, text: str | None) -> None:
        """`Say`."""
        self._said = text
        self._show()
        self.send()

    def mark(self, holder: str) -> None:
        """This attempt goes on with what the worker of this task queue has held, or takes the run over from it.

        Before the activity's first await the first heartbeat says so; later ones are throttled.
        """
        self._holder = holder
        self._show()

    def _show(self) -> None:
        said = () if self._said is None else (self._said,)
        self.details = said if self._holder is None else (self._said or "", self._holder)


def was_marked(info: activity.Info, holder: str) -> bool:
    """Whether an earlier attempt of this activity has marked itself so: `holder` holds nothing any more."""
    return holder in info.heartbeat_details[1:]


class Pulse:
    """Sends the heartbeats of a worker's activities while the worker's event loop stands still: `with Pulse(client):`.

    While the loop moves, it sends nothing.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        # A daemon: no heartbeat is worth holding up the end of the process.
        self._thread = threading.Thread(target=self._run, name="perdure-pulse", daemon=True)

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def watch(self, heartbeat: Heartbeat) -> Future[None]:
        """Stand in for the event loop until the future is cancelled."""
        return asyncio.run_coroutine_threadsafe(self._watch(heartbeat), self._loop)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._wait())

    async def _wait(self) -> None:
        await self._over.wait()

    async def _watch(self, heartbeat: Heartbeat) -> None:
        stood_in = 0.0
        while True:
            await asyncio.sleep(heartbeat.interval / 2)
            silent = time.monotonic() - max(heartbeat.sent, stood_in)
            if silent <= _LATE * heartbeat.interval:
                continue
            if stood_in < heartbeat.sent:
                logger.warning(
                    "the event loop has stood still for %.1f s: a node blocks it; %s is kept alive",
                    silent,
                    heartbeat.workflow_id,
                )
            if await self._send(heartbeat):
                stood_in = time.monotonic()

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
    watching = pulse.watch(heartbeat)
    try:
        yield heartbeat
    finally:
        watching.cancel()
        beating.cancel()


async def _beat(heartbeat: Heartbeat) -> None:
    while True:
        heartbeat.send()
        await asyncio.sleep(heartbeat.interval)
