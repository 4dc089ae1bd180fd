"""What an event of a run is on the wire, made once for all who follow the run in the same modes."""

from __future__ import annotations

from collections import OrderedDict

from ..contracts.types import StreamEvent
from .frames import Frames
from .sse import encoded

_MOST = 500
_LARGEST = 2**14
"""Bytes of one that is kept."""


class SharedFrames:
    """Of one gateway. Events of a run do not change, and readers that keep up ask for the same ones at once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str, frozenset[str]], bytes] = OrderedDict()

    def of(self, run_id: str, event: StreamEvent, frames: Frames) -> bytes:
        """All of its frames for this reader; empty: it has none."""
        if not frames.is_whole(event):
            return _encoded(event, frames)
        key = run_id, event.id, frames.modes
        found = self._kept.get(key)
        return self._made(key, event, frames) if found is None else found

    def _made(self, key: tuple[str, str, frozenset[str]], event: StreamEvent, frames: Frames) -> bytes:
        found = _encoded(event, frames)
        if len(found) <= _LARGEST:
            self._kept[key] = found
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return found


def _encoded(event: StreamEvent, frames: Frames) -> bytes:
    return b"".join(map(encoded, frames.of(event)))
