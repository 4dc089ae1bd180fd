"""What the stream of a run shows, seen as a client sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from perdure import StreamEvent


@dataclass(slots=True)
class Facts:
    """Everything that was seen of one run, in the order in which it came."""

    events: list[StreamEvent] = field(default_factory=list[StreamEvent])
    attempts: list[int] = field(default_factory=list[int])
    done: list[int] = field(default_factory=list[int])
    """The supersteps, from 1, as their checkpoints were announced."""
    spoke_again: set[int] = field(default_factory=set[int])
    """Supersteps that sent tokens although they were done."""
    tokens: int = 0
    """Of the superstep that is under way."""
    void: int = 0
    """Tokens of a superstep that was cut off: the next attempt sends its own."""
    disturbed_at: datetime | None = None
    """When the worker was killed, or the command to cancel was given."""
    resumed_at: datetime | None = None
    """When the next attempt was announced."""
    last_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def see(self, event: StreamEvent) -> None:
        """Note an event."""
        self.events.append(event)
        self.last_at = datetime.now(UTC)
        match event.event:
            case "metadata":
                self._attempt(event.data["attempt"])
            case "messages":
                self._token(event.data[1]["langgraph_step"])
            case "checkpoints":
                self._superstep(event.data["metadata"]["step"])
            case _:
                pass

    @property
    def ending(self) -> str:
        """How the run ended, for a human."""
        data = self.events[-1].data
        return f"{data['status']}: {data['error']['message']}" if data["error"] else str(data["status"])

    def _attempt(self, attempt: int) -> None:
        self.attempts.append(attempt)
        self.void, self.tokens = self.void + self.tokens, 0
        if attempt > 1:
            self.resumed_at = self.last_at

    def _token(self, step: int) -> None:
        self.tokens += 1
        if step in self.done:
            self.spoke_again.add(step)

    def _superstep(self, step: int) -> None:
        self.tokens = 0
        if step > 0:  # before the first superstep comes the input
            self.done.append(step)
