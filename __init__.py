"""Perdure: long LangGraph agent jobs on Temporal that survive crashes, stream live, and can be cancelled.

```python
async with perdure.connect() as runs:
    record, stream = await runs.create_and_stream(spec)
```
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bridge.contract import StreamBridge
    from .contracts.actor import (
        AUTO,
        ActorContext,
        bind_actor,
        current_actor,
        require_actor_context,
        resolve_user_id,
    )
    from .contracts.crons import CronRecord, CronSpec
    from .contracts.errors import (
        ActorRequiredError,
        ConfigError,
        CronNotFoundError,
        FencedError,
        GraphLoadError,
        GraphNotServedError,
        InvalidEventIdError,
        InvalidRunError,
        NoWorkerError,
        OtherInstallationError,
        PerdureError,
        RollbackError,
        RunNotFoundError,
        RunStateError,
        StateUnreadableError,
        TemporalUnreachableError,
        ThreadBusyError,
        ThreadNotFoundError,
        ThreadTakenError,
        TypeNotAllowedError,
        UnavailableError,
        UnknownGraphError,
        UnstorableError,
        WorkerStoppedError,
    )
    from .contracts.events import RunEvent, RunUsage
    from .contracts.lifecycle import Delivery, RunLifecycleEvent
    from .contracts.settings import Settings, load_settings
    from .contracts.threads import (
        ThreadRecord,
        ThreadSnapshot,
        ThreadStatus,
        ThreadTask,
    )
    from .contracts.types import (
        CancelAction,
        CheckpointRequest,
        MultitaskStrategy,
        RetryPolicy,
        RunCommand,
        RunError,
        RunInterrupt,
        RunPage,
        RunRecord,
        RunScope,
        RunSpec,
        RunStatus,
        RunTrouble,
        StreamEvent,
        WaitResult,
    )
    from .facade.crons import Crons
    from .facade.run_stream import RunStream
    from .facade.runs import RunsFacade
    from .observers.callback import CallbackObserver
    from .observers.observer import CompositeObserver, NullObserver, ObserverBinding, RunObserver, ensure_observer
    from .runtime.client import connect
    from .runtime.plugin import PerdurePlugin
    from .runtime.worker import Worker
    from .store.contract import RunCreateStore, RunDeleteStore, RunQueryStore
    from .store.event_contract import RunEventStore


__version__ = "0.1.0"

__all__ = [
    "AUTO",
    "ActorContext",
    "ActorRequiredError",
    "CallbackObserver",
    "CancelAction",
    "CheckpointRequest",
    "CompositeObserver",
    "ConfigError",
    "CronNotFoundError",
    "CronRecord",
    "CronSpec",
    "Crons",
    "Delivery",
    "FencedError",
    "GraphLoadError",
    "GraphNotServedError",
    "InvalidEventIdError",
    "InvalidRunError",
    "MultitaskStrategy",
    "NoWorkerError",
    "NullObserver",
    "ObserverBinding",
    "OtherInstallationError",
    "PerdureError",
    "PerdurePlugin",
    "RetryPolicy",
    "RollbackError",
    "RunCommand",
    "RunCreateStore",
    "RunDeleteStore",
    "RunError",
    "RunEvent",
    "RunEventStore",
    "RunInterrupt",
    "RunLifecycleEvent",
    "RunNotFoundError",
    "RunObserver",
    "RunPage",
    "RunQueryStore",
    "RunRecord",
    "RunScope",
    "RunSpec",
    "RunStateError",
    "RunStatus",
    "RunStream",
    "RunTrouble",
    "RunUsage",
    "RunsFacade",
    "Settings",
    "StateUnreadableError",
    "StreamBridge",
    "StreamEvent",
    "TemporalUnreachableError",
    "ThreadBusyError",
    "ThreadNotFoundError",
    "ThreadRecord",
    "ThreadSnapshot",
    "ThreadStatus",
    "ThreadTakenError",
    "ThreadTask",
    "TypeNotAllowedError",
    "UnavailableError",
    "UnknownGraphError",
    "UnstorableError",
    "WaitResult",
    "Worker",
    "WorkerStoppedError",
    "bind_actor",
    "connect",
    "current_actor",
    "ensure_observer",
    "load_settings",
    "require_actor_context",
    "resolve_user_id",
]

_HOMES = {
    "bridge.contract": ("StreamBridge",),
    "observers.callback": ("CallbackObserver",),
    "observers.observer": (
        "CompositeObserver",
        "NullObserver",
        "ObserverBinding",
        "RunObserver",
        "ensure_observer",
    ),
    "contracts.actor": (
        "AUTO",
        "ActorContext",
        "bind_actor",
        "current_actor",
        "require_actor_context",
        "resolve_user_id",
    ),
    "contracts.threads": (
        "ThreadRecord",
        "ThreadSnapshot",
        "ThreadStatus",
        "ThreadTask",
    ),
    "contracts.crons": ("CronRecord", "CronSpec"),
    "contracts.errors": (
        "ActorRequiredError",
        "ConfigError",
        "CronNotFoundError",
        "FencedError",
        "GraphLoadError",
        "GraphNotServedError",
        "InvalidEventIdError",
        "InvalidRunError",
        "NoWorkerError",
        "OtherInstallationError",
        "PerdureError",
        "RollbackError",
        "RunNotFoundError",
        "RunStateError",
        "StateUnreadableError",
        "TemporalUnreachableError",
        "ThreadBusyError",
        "ThreadNotFoundError",
        "ThreadTakenError",
        "TypeNotAllowedError",
        "UnavailableError",
        "UnknownGraphError",
        "UnstorableError",
        "WorkerStoppedError",
    ),
    "contracts.events": ("RunEvent", "RunUsage"),
    "contracts.lifecycle": ("Delivery", "RunLifecycleEvent"),
    "contracts.settings": (
        "Settings",
        "load_settings",
    ),
    "contracts.types": (
        "CancelAction",
        "CheckpointRequest",
        "MultitaskStrategy",
        "RetryPolicy",
        "RunCommand",
        "RunError",
        "RunInterrupt",
        "RunPage",
        "RunRecord",
        "RunScope",
        "RunSpec",
        "RunStatus",
        "RunTrouble",
        "StreamEvent",
        "WaitResult",
    ),
    "facade.crons": ("Crons",),
    "facade.run_stream": ("RunStream",),
    "facade.runs": ("RunsFacade",),
    "runtime.client": ("connect",),
    "runtime.plugin": ("PerdurePlugin",),
    "runtime.worker": ("Worker",),
    "store.contract": ("RunCreateStore", "RunDeleteStore", "RunQueryStore"),
    "store.event_contract": ("RunEventStore",),
}
_LAZY = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    # LangGraph and Temporal are heavy: `perdure --help`, or a program that only reads a setting, does not load them.
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(f".{_LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """What there is to import, although it is loaded later: for tab completion and `help`."""
    return sorted({*globals(), *__all__})
