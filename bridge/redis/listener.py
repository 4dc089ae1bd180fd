"""How a process learns of changes: one pub/sub connection for all who wait in it (`bridge/listening.py`).

The server confirms a subscription. Whoever waits looks again then: a word may have come before it.
"""

from __future__ import annotations

from typing import Any

from redis.exceptions import ResponseError

from ..listening import Listening, UnheardError, first_of
from ..watches import Topic
from .address import RedisAddress
from .keys import Keys
from .link import LINK_ERRORS, Link
from .scripts import STOP_CHANGED, STREAM_CHANGED

_KEPT = 100
"""Subscriptions that nobody needs any more, before they are given up together."""
_SILENCE = 5.0
"""Seconds after which the connection has to prove that it is one; after two it is none."""
_TOPICS = {STREAM_CHANGED: (Topic.STREAM,), STOP_CHANGED: (Topic.STOP,)}


class Listener(Listening):
    """From `start` to `close`, on the event loop of its `start`."""

    def __init__(self, address: RedisAddress, keys: Keys) -> None:
        super().__init__(address.shown, failures=LINK_ERRORS)
        self._address = address
        self._keys = keys

    async def converse(self) -> None:
        link = await Link.open(self._address)
        self.reachable = True
        try:
            await first_of(self._hear(link), self._subscribe(link))
        except ResponseError as exc:  # pub/sub is not allowed, say
            raise UnheardError(str(exc)) from exc
        finally:
            await link.close()

    async def _subscribe(self, link: Link) -> None:
        held: set[str] = set()
        while True:
            self.stirred.clear()
            wanted = {run_id for run_id, _ in self.wanted()}
            if new := wanted - held:
                await link.say("SUBSCRIBE", *map(self._keys.channel, new))
            if len(old := held - wanted) > _KEPT:
                await link.say("UNSUBSCRIBE", *map(self._keys.channel, old))
                held -= old
            held |= new
            await self.stirred.wait()

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
                self.wake([(run_id, topic) for topic in _TOPICS.get(word, tuple(Topic))])
            case _:
                """A proof of life, or the end of a subscription."""
