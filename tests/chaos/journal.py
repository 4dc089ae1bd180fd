"""The events that a client has received, in a file that outlives it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from perdure import StreamEvent
from perdure.contracts.types import TERMINAL_EVENTS


@dataclass(frozen=True, slots=True)
class Received:
    """An event, and when it came (seconds of the monotonic clock)."""

    at: float
    event: StreamEvent


class Journal:
    """Appends; what a killed client left half written is cut off first."""

    def __init__(self, path: Path) -> None:
        text = path.read_bytes() if path.exists() else b""
        whole = text[: text.rfind(b"\n") + 1]
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._file.truncate(len(whole))
        self._file.seek(len(whole))
        self.last = next(reversed(list(_parsed(whole))), None)

    @property
    def last_id(self) -> str | None:
        """Where to go on."""
        return self.last.event.id if self.last else None

    @property
    def ended(self) -> bool:
        """Whether the terminal event has come."""
        return self.last is not None and self.last.event.event in TERMINAL_EVENTS

    def add(self, event: StreamEvent) -> None:
        self.last = Received(time.monotonic(), event)
        line = json.dumps({"at": self.last.at, **event.model_dump()})
        self._file.write(f"{line}\n".encode())
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def read_journal(path: Path) -> list[Received]:
    """Every whole line so far."""
    text = path.read_bytes() if path.exists() else b""
    return list(_parsed(text[: text.rfind(b"\n") + 1]))


def _parsed(text: bytes) -> Iterable[Received]:
    for line in text.splitlines():
        fields = json.loads(line)
        yield Received(fields.pop("at"), StreamEvent(**fields))


def longest_silence(received: Sequence[Received]) -> float:
    """Seconds between two events that followed each other."""
    return max((later.at - earlier.at for earlier, later in pairwise(received)), default=0.0)
