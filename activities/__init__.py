"""Everything of a run that has side effects: driving the graph, finishing, stopping, watching, telling observers."""

from ..observers.callback import CallbackObserver
from ..observers.dispatcher import Dispatcher
from ..observers.observer import (
    AnyObserver,
    CompositeObserver,
    NullObserver,
    ObserverBinding,
    RunObserver,
    ensure_observer,
    recipients,
)
from ..observers.webhook import Webhook
from .attempt.heartbeat import Pulse
from .driver.let_go import LetGo
from .driver.live_graphs import LiveGraphs
from .driver.memory_use import MemoryBound
from .graphs.back_ends import BackEnds
from .graphs.graph_registry import GraphRegistry, GraphSource, import_attribute, load_graphs
from .graphs.local_modules import LocalModules
from .graphs.node_store import node_store_config
from .graphs.project import prepare_process, project_warnings
from .graphs.takeover_losses import takeover_warnings
from .notify import NotifyWorkflows
from .run_activities import RunActivities

__all__ = [
    "AnyObserver",
    "BackEnds",
    "CallbackObserver",
    "CompositeObserver",
    "Dispatcher",
    "GraphRegistry",
    "GraphSource",
    "LetGo",
    "LiveGraphs",
    "LocalModules",
    "MemoryBound",
    "NotifyWorkflows",
    "NullObserver",
    "ObserverBinding",
    "Pulse",
    "RunActivities",
    "RunObserver",
    "Webhook",
    "ensure_observer",
    "import_attribute",
    "load_graphs",
    "node_store_config",
    "prepare_process",
    "project_warnings",
    "recipients",
    "takeover_warnings",
]
