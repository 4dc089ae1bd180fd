"""What is measured. The instruments record nothing until the process has an OpenTelemetry meter provider."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.metrics import Counter, Histogram, UpDownCounter


@dataclass(frozen=True, slots=True)
class Instruments:
    """Times in seconds. Attributes: `graph`, and where they say so, `status` or `action`."""

    runs: Counter
    """Runs that have ended, by `status`."""
    cancels: Counter
    """Runs that a cancel ended, by `action`."""
    queue_time: Histogram
    """From the creation of a run to its start."""
    first_event: Histogram
    """From the creation of a run to its first event."""
    superstep: Histogram
    """From one superstep's checkpoint to the next one's."""
    events: Counter
    """Events that went into streams."""
    subscribers: UpDownCounter
    """Streams that are being read in this process."""
    takeovers: Counter
    """Attempts beyond the first: a worker took a run over, or tries it again."""
    fenced: Counter
    """Activities that had to stop because a newer attempt had taken over."""


@contextmanager
def subscribed() -> Generator[None]:
    """While somebody reads a stream."""
    subscribers = instruments().subscribers
    subscribers.add(1)
    try:
        yield
    finally:
        subscribers.add(-1)


@cache
def instruments() -> Instruments:
    """The instruments of this process."""
    from opentelemetry import metrics

    meter = metrics.get_meter("perdure")
    return Instruments(
        runs=meter.create_counter("perdure.runs", unit="{run}"),
        cancels=meter.create_counter("perdure.cancels", unit="{run}"),
        queue_time=meter.create_histogram("perdure.queue_time", unit="s"),
        first_event=meter.create_histogram("perdure.first_event", unit="s"),
        superstep=meter.create_histogram("perdure.superstep", unit="s"),
        events=meter.create_counter("perdure.events", unit="{event}"),
        subscribers=meter.create_up_down_counter("perdure.subscribers", unit="{subscriber}"),
        takeovers=meter.create_counter("perdure.takeovers", unit="{attempt}"),
        fenced=meter.create_counter("perdure.fenced", unit="{activity}"),
    )
