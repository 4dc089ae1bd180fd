"""Observers: who may be told of runs, and how much it matters."""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, cast, runtime_checkable

from ..contracts.lifecycle import WEBHOOK, LifecycleType, RunLifecycleEvent
from .callback import Callback, CallbackObserver

logger = logging.getLogger(__name__)


@runtime_checkable
class RunObserver(Protocol):
    """Is told what happens to runs.

    Each run's events come in order, each at least once: after a crash the last ones may come again, with the same
    `event_id`. To raise says that an event was not taken.
    """

    async def on_event(self, event: RunLifecycleEvent) -> None:
        """Take one event."""
        ...


class DeliveryError(Exception):
    """Why an observer has not taken an event, in words for humans."""


class GiveUpError(DeliveryError):
    """It never will, however often it is told again."""


class NullObserver:
    """Takes everything and does nothing."""

    async def on_event(self, event: RunLifecycleEvent) -> None:
        """Take one event."""


@dataclass(frozen=True, slots=True)
class ObserverBinding:
    """An observer, and how much it matters that it is told."""

    observer: RunObserver | Callback
    required: bool = False
    """An event that it does not take is told again until it does, by Temporal. Else it is logged and skipped."""
    name: str | None = None
    """Under it the store keeps how far the observer has been told; `None`: the name of its class or function."""
    timeout: float = 10.0
    """Seconds for one event."""

    def __post_init__(self) -> None:
        ensure_observer(self.observer)
        if self.timeout <= 0:
            raise ValueError(f"timeout is {self.timeout:g}: it must be more than 0 seconds")
        if self.name is not None and not self.name.strip():
            raise ValueError("name is empty: leave it out, or give the observer one")


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who is told, as a worker sees it."""

    name: str
    observer: RunObserver
    timeout: float
    """Seconds for one event."""
    retry_for: float = 0.0
    """Seconds from an event on for which it is told again, if it is not taken. After that it is given up."""
    only: tuple[LifecycleType, ...] | None = None
    """The events that it wants; `None`: all."""

    @property
    def required(self) -> bool:
        """No event may be lost on it."""
        return math.isinf(self.retry_for)


class CompositeObserver:
    """Several observers as one: each is told of every event, one after the other.

    One that fails does not keep an event from the others. If it is required, the event counts as not taken, and is
    told all of them again.
    """

    def __init__(self, *observers: AnyObserver | Sequence[AnyObserver]) -> None:
        """Raises `TypeError` for what is no observer."""
        self.recipients = tuple(one for value in observers for one in _parts(value))

    async def on_event(self, event: RunLifecycleEvent) -> None:
        """Tell all of them. Raises what the first required one raised."""
        failure: Exception | None = None
        for recipient in self.recipients:
            try:
                async with asyncio.timeout(recipient.timeout):
                    await recipient.observer.on_event(event)
            except Exception as exc:  # noqa: BLE001 - an observer may raise anything
                logger.warning("observer %s did not take event %s: %r", recipient.name, event.event_id, exc)
                failure = failure or (exc if recipient.required else None)
        if failure is not None:
            raise failure


AnyObserver = RunObserver | Callback | ObserverBinding
"""What a worker takes for an observer."""


def ensure_observer(value: RunObserver | Callback | Sequence[AnyObserver] | None) -> RunObserver:
    """An observer as it is; a function, several of them or none as one. Raises `TypeError` for anything else."""
    if value is None:
        return NullObserver()
    if isinstance(value, list | tuple):
        return CompositeObserver(*cast("Sequence[AnyObserver]", value))
    if isinstance(value, type):
        raise TypeError(f"{value!r} is a class; give an instance of it")
    if isinstance(value, RunObserver):
        on_event = cast("Callback", value.on_event)
        return value if inspect.iscoroutinefunction(on_event) else CallbackObserver(on_event)
    if callable(value):
        return CallbackObserver(value)
    raise TypeError(f"{value!r} is no observer: it has no method on_event and is no function")


def recipients(observers: Iterable[AnyObserver | Sequence[AnyObserver]]) -> tuple[Recipient, ...]:
    """The observers of a worker, those of a composite or a list one by one.

    Raises `TypeError` for what is no observer, or `ValueError` for a name that is used twice.
    """
    found = [one for value in observers for one in _parts(value)]
    names = [one.name for one in found]
    if WEBHOOK in names:
        raise ValueError(f"an observer is named {WEBHOOK!r}, as the webhooks of runs are; choose another name")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two observers are named {twice[0]!r}; tell them apart: ObserverBinding(…, name=…)")
    return tuple(found)


def _parts(value: AnyObserver | Sequence[AnyObserver]) -> tuple[Recipient, ...]:
    if isinstance(value, list | tuple):
        value = CompositeObserver(*cast("Sequence[AnyObserver]", value))
    if isinstance(value, CompositeObserver):
        return value.recipients
    return (_recipient(cast("AnyObserver", value)),)


def _recipient(value: AnyObserver) -> Recipient:
    binding = value if isinstance(value, ObserverBinding) else ObserverBinding(value)
    observer = ensure_observer(binding.observer)
    name = binding.name or _name_of(binding.observer)
    return Recipient(name, observer, binding.timeout, math.inf if binding.required else 0.0)


def _name_of(observer: object) -> str:
    if isinstance(observer, CallbackObserver):
        return _name_of(observer.function)
    if isinstance(observer, partial):
        return _name_of(cast("partial[Any]", observer).func)
    named = observer if hasattr(observer, "__qualname__") else type(observer)
    return f"{named.__module__}.{getattr(named, '__qualname__', '')}"
