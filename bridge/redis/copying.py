"""Streams in Redis as rows, to be copied from or to another place: what `bridge/copying.py` has of a database.

Rows have the numbers of their streams, as there: those of Redis are drawn, and fit into a database's. Whoever copies is
alone with them, so calls need not be one transaction: what was cut off is done by the next copy.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any

from ...blocking.table_shelf import PAGE, Content, Key, Shelf, clean
from ..line import unavailable
from .address import RedisAddress
from .keys import Keys, key_seen, seen_key
from .line import RedisLine
from .link import LINK_ERRORS, Link
from .scripts import READ, SERVER, Words
from .server import check_server

Ask = Callable[[Sequence[Words]], Sequence[Any]]
"""Has the server answer some commands, in their order. It blocks, and raises `UnavailableError`."""

_AT_ONCE = 20
"""Streams that are read together, of each a part of `_BYTES`, and events looked up at a time."""
_BYTES, _LOOKED_UP = 2**20, 50
_SCANNED = 1000
_PIPELINE, _PATIENCE = 200, 30.0
"""Commands that are sent together; seconds that they wait for a server that has gone away."""
_HEAD = ("first", "last", "fence", "ended", "stop")


@asynccontextmanager
async def redis_streams(url: str) -> AsyncGenerator[RedisStreams]:
    """Those of a server, for the block. They are used from other threads. Raises `ConfigError`, `UnavailableError`."""
    address = RedisAddress(url)
    line, loop = RedisLine(address, calls=_PIPELINE), asyncio.get_running_loop()
    try:
        line.start(link := await Link.open(address))
        check_server(link.info, address.shown)

        async def together(calls: Sequence[Words]) -> Sequence[Any]:
            sizes = (sum(len(word) for word in words if isinstance(word, bytes)) for words in calls)
            asked = (line.call(one, size=size, patience=_PATIENCE) for one, size in zip(calls, sizes, strict=True))
            return await asyncio.gather(*asked)

        yield RedisStreams(
            lambda calls: asyncio.run_coroutine_threadsafe(together(calls), loop).result(), Keys(address.prefix)
        )
    except LINK_ERRORS as exc:
        raise unavailable(address.shown, exc) from exc
    finally:
        await line.close()


class RedisStreams:
    """The streams of one prefix."""

    kind = "redis"

    def __init__(self, ask: Ask, keys: Keys) -> None:
        self._index = _Index(ask, keys)

    def shelves(self, other: object) -> list[Shelf]:
        """Streams by their numbers, then what is in them."""
        return [_StreamShelf(self._index), _EventShelf(self._index), _KeyShelf(self._index)]

    def last_number(self) -> int:
        """The largest that there is."""
        self._index.load()
        return max(self._index.numbers, default=0)

    def go_on_after(self, number: int) -> None:
        """Nothing: numbers are drawn from so many that none comes twice."""


class _Index:
    """Which runs have a stream, by its number."""

    def __init__(self, ask: Ask, keys: Keys) -> None:
        self.ask = ask
        self._keys = keys
        self.runs: dict[int, str] = {}
        self.numbers: list[int] = []
        """In their order."""

    def load(self) -> None:
        """Look at all of them."""
        runs = sorted(self._scanned())
        found: dict[int, str] = {}
        for at in range(0, len(runs), _SCANNED):
            some = runs[at : at + _SCANNED]
            numbers = self.ask([("HGET", self._keys.head(run_id), "number") for run_id in some])
            found |= {int(number): run_id for number, run_id in zip(numbers, some, strict=True) if number}
        self._take(found)

    def add(self, runs: Mapping[int, str]) -> None:
        self._take({**self.runs, **runs})

    def drop(self, numbers: Sequence[int]) -> None:
        self._take({number: run_id for number, run_id in self.runs.items() if number not in numbers})

    def beyond(self, number: int | None) -> Iterator[int]:
        """The numbers from there on; `None`: all, as they are now."""
        if number is None:
            self.load()
            return iter(self.numbers)
        return islice(self.numbers, bisect_right(self.numbers, number - 1), None)

    def head(self, number: int) -> str:
        return self._keys.head(self.runs[number])

    def events(self, number: int) -> str:
        return self._keys.events(self.runs[number])

    def seen(self, number: int) -> str:
        return self._keys.seen(self.runs[number])

    def _take(self, runs: dict[int, str]) -> None:
        self.runs, self.numbers = runs, sorted(runs)

    def _scanned(self) -> set[str]:
        found: set[str] = set()
        cursor = b"0"
        while True:
            (answer,) = self.ask([("SCAN", cursor, "MATCH", self._keys.heads, "COUNT", _SCANNED)])
            cursor = answer[0]
            found |= {self._keys.run_of(head.decode()) for head in answer[1]}
            if cursor == b"0":
                return found


class _StreamShelf:
    name = "streams"

    def __init__(self, index: _Index) -> None:
        self._index = index

    def page(self, after: Key | None) -> Mapping[Key, Content]:
        numbers = self._index.beyond(None if after is None else after[0] + 1)
        return self._heads([*islice(numbers, PAGE)])

    def get(self, keys: Sequence[Key]) -> Mapping[Key, Content]:
        return self._heads([number for (number,) in keys if number in self._index.runs])

    def put(self, rows: Mapping[Key, Content]) -> None:
        self._index.add({number: content[0] for (number,), content in rows.items()})
        calls: list[Words] = []
        for (number,), (_, first, last, fence, ended, stop) in rows.items():
            head = self._index.head(number)
            about = ("number", number, "first", first, "last", last, "floor", 0, "ended", int(ended), "stop", stop)
            calls.append(("DEL", head))
            calls.append(("HSET", head, *about, "fence", f"{fence:020}", "done", "", "server", SERVER))
        self._index.ask(calls)

    def remove(self, keys: Sequence[Key]) -> None:
        numbers = [number for (number,) in keys if number in self._index.runs]
        index = self._index
        index.ask([("UNLINK", index.head(one), index.events(one), index.seen(one)) for one in numbers])
        index.drop(numbers)

    def _heads(self, numbers: Sequence[int]) -> dict[Key, Content]:
        found = self._index.ask([("HMGET", self._index.head(number), *_HEAD) for number in numbers])
        return {
            (number,): (self._index.runs[number], int(first), int(last), int(fence), ended == b"1", int(stop))
            for number, (first, last, fence, ended, stop) in zip(numbers, found, strict=True)
        }


class _EventShelf:
    name = "stream events"

    def __init__(self, index: _Index) -> None:
        self._index = index

    def page(self, after: Key | None) -> Mapping[Key, Content]:
        number, position = (None, 0) if after is None else after
        numbers = self._index.beyond(number)
        rows: dict[Key, Content] = {}
        while not rows and (some := [*islice(numbers, _AT_ONCE)]):
            rows = self._next(some, number, position)
        return rows

    def _next(self, numbers: Sequence[int], begun: int | None, position: int) -> dict[Key, Content]:
        """Up to the first that has more: of `begun` from a position on, of the others from their beginnings."""
        calls = [
            READ.call(
                (self._index.head(one), self._index.events(one)),
                position if one == begun else 0,
                PAGE,
                _BYTES,
                _LOOKED_UP,
            )
            for one in numbers
        ]
        rows: dict[Key, Content] = {}
        for number, (_, _, last, _, events) in zip(numbers, self._index.ask(calls), strict=True):
            rows |= {(number, _id(id)): (clean(name.decode()), data) for id, name, data in events}
            if events and _id(events[-1][0]) < int(last):
                break
        return rows

    def get(self, keys: Sequence[Key]) -> Mapping[Key, Content]:
        wanted = _by_number(keys, self._index)
        calls = [
            ("XRANGE", self._index.events(number), f"{min(ids)}-0", f"{max(ids)}-0") for number, ids in wanted.items()
        ]
        rows: dict[Key, Content] = {}
        for (number, ids), found in zip(wanted.items(), self._index.ask(calls), strict=True):
            rows |= {(number, id): content for id, content in map(_event, found) if id in ids}
        return rows

    def put(self, rows: Mapping[Key, Content]) -> None:
        for number, ids in _by_number([*rows], self._index).items():
            stream = self._index.events(number)
            new = {id: rows[number, id] for id in ids}
            (newest,) = self._index.ask([("XREVRANGE", stream, "+", "-", "COUNT", 1)])
            calls: list[Words] = []
            if newest and _id(newest[0][0]) >= min(new):  # a stream takes only what is newer, so it is made anew
                (held,) = self._index.ask([("XRANGE", stream, "-", "+")])
                new = dict(map(_event, held)) | new
                calls.append(("UNLINK", stream))
            calls += [("XADD", stream, f"{id}-0", "e", new[id][0], "d", new[id][1]) for id in sorted(new)]
            self._index.ask(calls)

    def remove(self, keys: Sequence[Key]) -> None:
        gone = _by_number(keys, self._index)
        self._index.ask(
            [("XDEL", self._index.events(number), *(f"{id}-0" for id in ids)) for number, ids in gone.items()]
        )


class _KeyShelf:
    name = "stream keys"

    def __init__(self, index: _Index) -> None:
        self._index = index
        self._read: tuple[int, list[str]] = (0, [])
        """Of the stream that was looked at last: its keys in their order."""

    def page(self, after: Key | None) -> Mapping[Key, Content]:
        begun, key = (None, "") if after is None else after
        for number in self._index.beyond(begun):
            keys = self._keys(number, fresh=number != begun)
            at = bisect_right(keys, key) if number == begun else 0
            if some := keys[at : at + PAGE]:
                return {(number, one): () for one in some}
        return {}

    def get(self, keys: Sequence[Key]) -> Mapping[Key, Content]:
        wanted = _by_number(keys, self._index)
        calls = [("SMISMEMBER", self._index.seen(number), *map(seen_key, some)) for number, some in wanted.items()]
        rows: dict[Key, Content] = {}
        for (number, some), found in zip(wanted.items(), self._index.ask(calls), strict=True):
            rows |= {(number, key): () for key, there in zip(some, found, strict=True) if there}
        return rows

    def put(self, rows: Mapping[Key, Content]) -> None:
        self._change("SADD", [*rows])

    def remove(self, keys: Sequence[Key]) -> None:
        self._change("SREM", keys)

    def _change(self, command: str, keys: Sequence[Key]) -> None:
        some = _by_number(keys, self._index)
        self._index.ask([(command, self._index.seen(number), *map(seen_key, names)) for number, names in some.items()])

    def _keys(self, number: int, *, fresh: bool) -> list[str]:
        if fresh or self._read[0] != number:
            (found,) = self._index.ask([("SMEMBERS", self._index.seen(number))])
            self._read = number, sorted(key_seen(one) for one in found)
        return self._read[1]


def _by_number(keys: Sequence[Key], index: _Index) -> dict[int, list[Any]]:
    """What is asked of each stream that there is."""
    found: defaultdict[int, list[Any]] = defaultdict(list)
    for number, one in keys:
        if number in index.runs:
            found[number].append(one)
    return found


def _event(entry: Any) -> tuple[int, Content]:
    id, (_, name, _, data) = entry
    return _id(id), (clean(name.decode()), data)


def _id(entry: bytes) -> int:
    return int(entry.partition(b"-")[0])
