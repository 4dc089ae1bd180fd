"""What a bridge is: the event stream and the stop channel of each run, and whether its client is there.

Every bridge passes `perdure.bridge.conformance`, which is the exact form of these promises.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from ..contracts.errors import InvalidEventIdError
from ..contracts.types import Stop, StreamEvent

KEY_ONLY = ""
"""The name of an event that is none: its key is noted, and nothing is appended."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event on its way into a stream."""

    event: str
    data: bytes
    """Strict JSON."""
    key: str | None = None
    """An event whose key the stream has seen is left out: what a resumed graph reports again is published once."""


@dataclass(frozen=True, slots=True)
class StreamSize:
    """What a stream holds."""

    events: int
    data: int
    """Bytes of the data of all events, as they are kept: of each twice what it was, and 250 more, at most."""


class Bridge(ABC):
    """The streams of all runs: written by workers, read by anyone, from any process that the back end reaches.

    Writers hold a fence, a number that is larger for each later attempt of the run. A write with a smaller
    fence than the stream has seen raises `FencedError` and changes nothing. Every write is one transaction.
    A bridge that is not started, or is closed, raises `UnavailableError`.
    """

    @abstractmethod
    async def start(self) -> None:
        """Connect; create what is missing. Raises `UnavailableError` without a back end, or `ConfigError`."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of everything. Iterations under way end; those of other handles of the same streams go on."""

    @abstractmethod
    async def create(self, run_id: str) -> None:
        """Make an empty stream, so that readers may come before the first event. A second call changes nothing.

        Nothing else makes a stream: what an attempt that was left behind publishes after `cleanup` is lost with it.
        """

    async def create_again(self, run_id: str) -> None:
        """`create`, for a stream that was made before, and may be lost, or its newest events.

        What is published from now on gets ids that no reader has seen, behind a hole, if anything may be lost.
        """
        await self.create(run_id)

    @abstractmethod
    async def publish(self, run_id: str, events: Sequence[NewEvent], *, fence: int) -> int:
        """Append `events` in order, those with a key that was seen left out; the id of the stream's last event.

        Takes the fence also when `events` is empty. After `UnavailableError` the same call may be repeated, before any
        other publish of the run by this handle: its events are appended once. Raises `RunNotFoundError` for a stream
        that was not created, `FencedError`, or `StreamEndedError` after the terminal event.
        """

    def writes_as(self, run_id: str, *, attempt: int, fence: int) -> None:  # noqa: B027 – most have no use for it
        """Who writes with this fence belongs to this attempt of the run: what it was told before holds on."""

    @abstractmethod
    async def publish_terminal(self, run_id: str, event: NewEvent, *, fence: int) -> int:
        """Append the last event. A stream that has one already keeps it (the call is idempotent); its id.

        Takes the fence also then. Raises `RunNotFoundError` or `FencedError`.
        """

    async def mark_awaiting_input(self, run_id: str, event: NewEvent, *, fence: int) -> int:
        """Publish the `awaiting_input` event, which tells readers that the run waits for a human."""
        return await self.publish(run_id, [event], fence=fence)

    @abstractmethod
    def subscribe(
        self, run_id: str, *, last_event_id: str | int | None = None, heartbeat_interval: float | None = None
    ) -> AsyncGenerator[StreamEvent]:
        """Every event after `last_event_id` in order, then live, up to and with the terminal event.

        With `heartbeat_interval` (seconds) a silence of that length yields a `heartbeat` event, which carries the
        id before it and no data, and is not stored. Events that are not held (any more), wherever in the stream, are
        announced by a `gap` event with `{"first_available_id": …}`. The first step raises `RunNotFoundError` for an
        unknown run and `InvalidEventIdError` for an id that is not a number. An id beyond the last event waits for
        later ones.
        """

    @abstractmethod
    async def last_event_id(self, run_id: str) -> int:
        """The id of the newest event, 0 before the first. Raises `RunNotFoundError`."""

    @abstractmethod
    async def size(self, run_id: str) -> StreamSize:
        """What the stream holds now, which may take a look at each of its events. Raises `RunNotFoundError`."""

    @abstractmethod
    async def cancel(self, run_id: str, *, stop: Stop = Stop.NOW) -> None:
        """Write the stop channel: `NOW` outranks `AT_BOUNDARY`; a stop is never taken back. Ignores unknown runs."""

    @abstractmethod
    async def stop_requested(self, run_id: str, *, beyond: Stop | None = None) -> Stop:
        """Wait for a stop of the run that outranks `beyond` (`None`: any), within milliseconds of `cancel`."""

    @abstractmethod
    async def attend(self, run_id: str, lease: float) -> None:
        """The client for whose sake alone the run goes on is there, and will be for `lease` seconds from now on.

        Each call begins the time anew. Ignores runs that are unknown or have ended.
        """

    @abstractmethod
    async def leave(self, run_id: str) -> None:
        """Nobody has to attend the run any more. Idempotent."""

    @abstractmethod
    async def abandoned(self) -> list[str]:
        """The runs that have not ended and whose lease has run out, the longest ago first.

        Measured by the back end's clock, or by one that its processes share. After a restart of the machine whose clock
        it is, all leases of before run out, at the latest when they would have.
        """

    @abstractmethod
    async def trim(self, run_id: str, *, before: int) -> None:
        """Let go of the events with an id smaller than `before`; readers that ask for them get a `gap`.

        The terminal event stays. An unknown run is ignored.
        """

    @abstractmethod
    async def cleanup(self, run_id: str) -> None:
        """Forget the stream. Its subscribers' iterations raise `RunNotFoundError`. Idempotent."""

    @abstractmethod
    def held(self) -> AsyncGenerator[str]:
        """The runs that have a stream, some at a time, in no certain order.

        One may come twice; one whose stream is made or forgotten meanwhile may be among them or not.
        """

    async def losses(self) -> str | None:
        """A name for what may be lost: the newest writes before a restart of the back end. `None`: there is nothing.

        It stays until somebody has `mended` it, which is to say, has given again what the records say.
        """
        return None

    async def mended(self, losses: str) -> None:  # noqa: B027 – there is nothing to do where nothing is lost
        """What bears this name is mended."""


def parse_event_id(value: str | int | None) -> int:
    """The number in an event id, below 10**18; 0 for `None`. Raises `InvalidEventIdError`."""
    if value is None:
        return 0
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 19:
        return int(text)
    raise InvalidEventIdError(value)


StreamBridge = Bridge
"""The name that programs know it by."""
