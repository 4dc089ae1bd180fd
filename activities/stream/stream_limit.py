"""How much a run's graph may tell: the events and bytes that its stream has room for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...bridge.contract import KEY_ONLY, Bridge, NewEvent, StreamSize
from ...contracts.limit_errors import StreamFullError
from ...contracts.limit_settings import LimitSettings

_SEALED_TIMES, _SEALED_MORE = 2, 250
"""What a sealed event has at most (`StreamSize`): so many times the bytes of its data, and so many more."""


class StreamLimit:
    """Of one attempt. The bridge, which has to look at all events for it, is asked only when there may be too many.

    It seals events, and leaves out those that come again: what it holds is known when it has been asked, and from then
    on only what it holds at most.
    """

    def __init__(self, bridge: Bridge, run_id: str, limits: LimitSettings) -> None:
        self._bridge = bridge
        self._run_id = run_id
        self._limits = limits
        self._at_most: StreamSize | None = None
        self._full: StreamFullError | None = None

    async def fitting(self, events: Sequence[NewEvent]) -> Sequence[NewEvent]:
        """Those of them, from the first on, that the stream has room for. Raises what the bridge raises."""
        if self._limits.stream_events is None and self._limits.stream_size is None:
            return events
        if self._at_most is None or self._beyond(_with(self._at_most, events, sealed=True)):
            self._at_most = held = await self._bridge.size(self._run_id)
            events = [*self._first(held, events)]
        self._at_most = _with(self._at_most, events, sealed=True)
        return events

    def full(self) -> StreamFullError:
        """Of the last that were not all `fitting`."""
        assert self._full is not None
        return self._full

    def _first(self, held: StreamSize, events: Sequence[NewEvent]) -> Iterator[NewEvent]:
        for event in events:
            after = _with(held, [event])
            if limit := self._beyond(after):
                self._full = StreamFullError(self._run_id, *limit, held.events, held.data)
                return
            held = after
            yield event

    def _beyond(self, size: StreamSize) -> tuple[str, int] | None:
        """The limit that it is beyond, and how much that is."""
        limits = self._limits
        for name, limit, has in (
            ("stream_events", limits.stream_events, size.events),
            ("stream_size", limits.stream_size, size.data),
        ):
            if limit is not None and has > limit:
                return name, limit
        return None


def _with(size: StreamSize, events: Sequence[NewEvent], *, sealed: bool = False) -> StreamSize:
    """`sealed`: as large as they are at most, sealed."""
    lengths = [len(event.data) for event in events if event.event != KEY_ONLY]
    data = sum(_SEALED_TIMES * one + _SEALED_MORE for one in lengths) if sealed else sum(lengths)
    return StreamSize(size.events + len(lengths), size.data + data)
