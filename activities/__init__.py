"""Everything of a run that has side effects: driving the graph, finishing, stopping, watching, telling observers."""

from .callback_observer import CallbackObserver
from .courier import Courier
from .graphs import GraphRegistry, GraphSource, load_graphs
from .heartbeat import Pulse
from .live_graphs import LiveGraphs
from .notify import NotifyWorkflows
from .observers import (
    AnyObserver,
    CompositeObserver,
    NullObserver,
    ObserverBinding,
    RunObserver,
    ensure_observer,
    recipients,
)
from .runs import RunActivities
from .takeover_losses import takeover_warnings
from .webhook import Webhook

__all__ = [
    "AnyObserver",
    "CallbackObserver",
    "CompositeObserver",
    "Courier",
    "GraphRegistry",
    "GraphSource",
    "LiveGraphs",
    "NotifyWorkflows",
    "NullObserver",
    "ObserverBinding",
    "Pulse",
    "RunActivities",
    "RunObserver",
    "Webhook",
    "ensure_observer",
    "load_graphs",
    "recipients",
    "takeover_warnings",
]
