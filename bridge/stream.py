"""A stream as a back end keeps it: what a read gives, the rules of a write, the levels of a stop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..contracts.errors import FencedError, StreamEndedError
from ..contracts.types import Stop
from .contract import KEY_ONLY, NewEvent

LEAP = 1_000_000
"""How far the ids of a stream go on behind those that may have been given and lost: more than were given meanwhile."""
_STOPS = (Stop.AT_BOUNDARY, Stop.NOW)  # a later one outranks those before it


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it is kept."""

    id: int
    event: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The head of a stream and some of its events, as they were at one moment."""

    stream: int
    """Never used twice, so that a run id that was cleaned up and made again is another stream."""
    first_id: int
    """The smallest id that is held; when none is, the id that comes next."""
    last_id: int
    ended: bool
    """The last event is the terminal one."""
    events: Sequence[StoredEvent]


def check_writable(run_id: str, *, fence: int, current: int, ended: bool) -> None:
    """Whether a writer with `fence` may append. Raises `FencedError`, before `StreamEndedError`."""
    if fence < current:
        raise FencedError(run_id, fence, current)
    if ended:
        raise StreamEndedError(run_id)


def fresh_events(events: Iterable[NewEvent], seen: set[str]) -> list[NewEvent]:
    """The events to append: those whose key is new to the stream and to those before them. Adds keys to `seen`."""
    fresh: list[NewEvent] = []
    for event in events:
        if event.key is not None:
            if event.key in seen:
                continue
            seen.add(event.key)
        if event.event != KEY_ONLY:
            fresh.append(event)
    return fresh


def size_of(events: Iterable[NewEvent | StoredEvent]) -> int:
    """Bytes."""
    return sum(len(one.data) for one in events)


def stop_level(stop: Stop | None) -> int:
    """The rank of a stop: 0 for none, and more for what outranks it."""
    return 0 if stop is None else 1 + _STOPS.index(stop)


def stop_of_level(level: int) -> Stop:
    """The stop of a rank above 0."""
    return _STOPS[level - 1]
