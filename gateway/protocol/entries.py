"""An event with its place in its thread's line, ready to be sent: made once in a process, for all who read it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..replies import encode
from .said import Namespace, Said

_CHANNELS = frozenset(
    {"values", "updates", "checkpoints", "messages", "tools", "custom", "lifecycle", "input", "tasks"}
)


@dataclass(frozen=True, slots=True)
class Place:
    """Behind which run, and behind how many events, a run stands in its thread."""

    run: int = 0
    """The place of the run before it in the thread's order of admission."""
    seq: int = 0
    created: int = field(default=0, compare=False)
    """When the youngest run so far was created (microseconds): a place whose run was deleted may be given again."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event."""

    seq: int
    id: str
    channel: str
    namespace: Namespace
    undone: bool
    place: Place
    """Of its run."""
    frame: bytes
    """As a server-sent event."""
    span: tuple[int, int]
    """Where its JSON is."""

    @property
    def event(self) -> bytes:
        """As JSON."""
        return self.frame[slice(*self.span)]


def entry_of(said: Said, seq: int, place: Place) -> Entry:
    """An event at its place."""
    params = {"namespace": said.namespace, "timestamp": said.moment, "data": said.data}
    if said.node is not None:
        params["node"] = said.node
    event = encode({"type": "event", "event_id": said.id, "seq": seq, "method": said.method, "params": params})
    head = b"event: %b\r\ndata: " % said.method.encode()
    frame = b"%b%b\r\nid: %d\r\n\r\n" % (head, event, seq)
    span = (len(head), len(head) + len(event))
    return Entry(seq, said.id, said.channel, said.namespace, said.undone, place, frame, span)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one subscription asks for."""

    channels: frozenset[str]
    namespaces: tuple[Namespace, ...] = ()
    """Beginnings; none are as good as that of the root."""
    depth: int | None = None
    """How many levels below one of them."""

    def has(self, entry: Entry) -> bool:
        """Whether it is told of this."""
        if entry.undone:
            return False
        if entry.channel not in self.channels and not (
            "custom" in self.channels and entry.channel.startswith("custom:")
        ):
            return False
        return not self.namespaces or any(self._is_below(entry.namespace, one) for one in self.namespaces)

    def _is_below(self, namespace: Namespace, beginning: Namespace) -> bool:
        deeper = len(namespace) - len(beginning)
        if deeper < 0 or (self.depth is not None and deeper > self.depth):
            return False
        return all(_is_named(found, wanted) for found, wanted in zip(namespace, beginning, strict=False))


def _is_named(found: str, wanted: str) -> bool:
    """A name without the id of a task stands for all tasks of it."""
    return found == wanted or (":" not in wanted and found.partition(":")[0] == wanted)


def is_channel(name: str) -> bool:
    """Whether a subscription may name it."""
    return name in _CHANNELS or (name.startswith("custom:") and len(name) > len("custom:"))
