"""Who is told of runs: observers, the dispatcher that tells them what the store has written down, and the webhook."""

from __future__ import annotations

from .callback import CallbackObserver
from .dispatcher import Dispatcher, NotDeliveredError
from .observer import (
    CompositeObserver,
    DeliveryError,
    GiveUpError,
    NullObserver,
    ObserverBinding,
    RunObserver,
    ensure_observer,
    recipients,
)
from .webhook import Webhook

__all__ = [
    "CallbackObserver",
    "CompositeObserver",
    "DeliveryError",
    "Dispatcher",
    "GiveUpError",
    "NotDeliveredError",
    "NullObserver",
    "ObserverBinding",
    "RunObserver",
    "Webhook",
    "ensure_observer",
    "recipients",
]
