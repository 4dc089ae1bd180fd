"""How a process learns of changes: one pub/sub connection for all who wait in it, and a poll beneath.

Pub/sub tells at most once. So whoever waits looks again when the server confirms the subscription (a word may have come
before it), after each new connection, and every `POLL` seconds. While the server is away nobody is woken: to look would
fail, and who waits only goes on later.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Generator
from contextlib import contextmanager
from typing import Any

from redis.exceptions import ResponseError

from ...contracts.errors import UnavailableError
from ..watches import Topic, Watch, Watches
from .address import RedisAddress
from .keys import Keys
from .link import LINK_ERRORS, Link
from .scripts import STOP_CHANGED, STREAM_CHANGED

logger = logging.getLogger(__name__)

POLL = 2.0
_LONGEST_PAUSE = 1.0
_KEPT = 100
"""Subscriptions that nobody needs any more, before they are given up together."""
_SILENCE = 5.0
"""Seconds after which the connection has to prove that it is one; after two it is none."""
_TOPICS = {STREAM_CHANGED: (Topic.STREAM,), STOP_CHANGED: (Topic.STOP,)}


class Listener:
    """From `start` to `close`, on the event loop of its `start`."""

    def __init__(self, address: RedisAddress, keys: Keys) -> None:
        self._address = address
        self._keys = keys
        self._watches = Watches()
        self._wanted: Counter[str] = Counter()
        """How many wait for something of a run."""
        self._nudge = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._reachable = True
        self._closed = False

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._poll())]

    async def close(self) -> None:
        """End everybody's wait."""
        self._closed = True
        self._watches.close()
        await _end(self._tasks)

    @contextmanager
    def watch(self, run_id: str, topic: Topic) -> Generator[Watch]:
        """A waiter for as long as the block lasts. Raises `UnavailableError` after `close`."""
        if self._closed:
            raise UnavailableError(f"the bridge at {self._address.shown} was closed")
        self._wanted[run_id] += 1
        self._nudge.set()
        try:
            with self._watches.add((run_id, topic)) as watch:
                yield watch
        finally:
            self._wanted[run_id] -= 1
            if not self._wanted[run_id]:
                del self._wanted[run_id]

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL)
            if self._reachable:
                self._watches.wake(self._watches.subjects())

    async def _listen(self) -> None:
        pause = 0.0
        while True:
            try:
                await self._converse()
            except ResponseError as exc:  # pub/sub is not allowed, say: the poll is what is left
                logger.warning("the bridge at %s tells nothing, so it is asked often: %s", self._address.shown, exc)
                self._reachable, pause = True, _LONGEST_PAUSE
            except LINK_ERRORS as exc:
                if self._reachable:
                    logger.warning("the bridge at %s cannot be heard, trying again: %s", self._address.shown, exc)
                pause = min(2 * pause + 0.02, _LONGEST_PAUSE) if not self._reachable else 0.02
                self._reachable = False
            await asyncio.sleep(pause)

    async def _converse(self) -> None:
        """Hear for as long as the connection lasts, then raise why it does not any more."""
        link = await Link.open(self._address)
        self._reachable = True
        tasks = {asyncio.create_task(self._hear(link)), asyncio.create_task(self._subscribe(link))}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await link.close()
            await _end(tasks)

    async def _subscribe(self, link: Link) -> None:
        held: set[str] = set()
        while True:
            self._nudge.clear()
            wanted = {*self._wanted}
            if new := wanted - held:
                await link.say("SUBSCRIBE", *map(self._keys.channel, new))
            if len(old := held - wanted) > _KEPT:
                await link.say("UNSUBSCRIBE", *map(self._keys.channel, old))
                held -= old
            held |= new
            await self._nudge.wait()

    async def _hear(self, link: Link) -> None:
        asked = False
        while True:
            said = await link.hear(_SILENCE)
            if said is not None:
                asked = False
                self._tell(said)
            elif asked:
                raise TimeoutError("the connection has fallen silent")
            else:
                asked = True
                await link.say("PING")

    def _tell(self, said: Any) -> None:
        match said:
            case [b"message" | b"subscribe", bytes(channel), word]:
                run_id = self._keys.run_of(channel.decode())
                self._watches.wake([(run_id, topic) for topic in _TOPICS.get(word, tuple(Topic))])
            case _:
                """A proof of life, or the end of a subscription."""


async def _end(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel them until they are: `asyncio.wait_for`, which redis-py uses, may swallow a cancel (Python 3.11)."""
    while going := [task for task in tasks if not task.done()]:
        for task in going:
            task.cancel()
        await asyncio.wait(going, timeout=0.05)
    await asyncio.gather(*tasks, return_exceptions=True)
