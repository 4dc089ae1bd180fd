"""A batch of events, as the script of a publish takes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..contract import NewEvent
from ..publishing import Append
from .keys import Keys, seen_key
from .line import RedisLine
from .scripts import PUBLISH, SERVER, Word


@dataclass(frozen=True, slots=True)
class Appending:
    """Down one line."""

    keys: Keys
    line: RedisLine

    async def send(self, append: Append) -> tuple[str, int]:
        batch = append.batch
        words = PUBLISH.call(
            self.keys.all(batch.run_id),
            SERVER,
            self.keys.channel(batch.run_id),
            f"{batch.fence:020}",
            append.writer,
            append.number,
            "" if append.told is None else append.told,
            int(batch.terminal),
            *_words(batch.events),
        )
        said, *value = await self.line.call(words, of=batch.run_id, size=batch.size)
        return said.decode(), int(value[0]) if value else 0


def _words(events: Sequence[NewEvent]) -> Iterator[Word]:
    for one in events:
        yield one.event
        yield "" if one.key is None else seen_key(one.key)
        yield one.data
