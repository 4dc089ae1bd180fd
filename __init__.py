"""Perdure: long LangGraph agent jobs on Temporal that survive crashes, stream live, and can be cancelled.

```python
async with perdure.connect() as runs:
    record, stream = await runs.create_and_stream(spec)
```
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .contracts.errors import (
        ConfigError,
        FencedError,
        GraphLoadError,
        InvalidEventIdError,
        InvalidRunError,
        NoWorkerError,
        PerdureError,
        RunNotFoundError,
        RunStateError,
        TemporalUnreachableError,
        ThreadBusyError,
        UnavailableError,
        UnknownGraphError,
    )
    from .contracts.settings import Settings, load_settings
    from .contracts.types import (
        CancelAction,
        CheckpointRequest,
        MultitaskStrategy,
        RetryPolicy,
        RunCommand,
        RunError,
        RunInterrupt,
        RunRecord,
        RunScope,
        RunSpec,
        RunStatus,
        StreamEvent,
        WaitResult,
    )
    from .facade.runs import RunsFacade
    from .runtime.client import connect
    from .runtime.worker import Worker


__version__ = "0.1.0"

__all__ = [
    "CancelAction",
    "CheckpointRequest",
    "ConfigError",
    "FencedError",
    "GraphLoadError",
    "InvalidEventIdError",
    "InvalidRunError",
    "MultitaskStrategy",
    "NoWorkerError",
    "PerdureError",
    "RetryPolicy",
    "RunCommand",
    "RunError",
    "RunInterrupt",
    "RunNotFoundError",
    "RunRecord",
    "RunScope",
    "RunSpec",
    "RunStateError",
    "RunStatus",
    "RunsFacade",
    "Settings",
    "StreamEvent",
    "TemporalUnreachableError",
    "ThreadBusyError",
    "UnavailableError",
    "UnknownGraphError",
    "WaitResult",
    "Worker",
    "connect",
    "load_settings",
]

_HOMES = {
    "contracts.errors": (
        "ConfigError",
        "FencedError",
        "GraphLoadError",
        "InvalidEventIdError",
        "InvalidRunError",
        "NoWorkerError",
        "PerdureError",
        "RunNotFoundError",
        "RunStateError",
        "TemporalUnreachableError",
        "ThreadBusyError",
        "UnavailableError",
        "UnknownGraphError",
    ),
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
        "RunRecord",
        "RunScope",
        "RunSpec",
        "RunStatus",
        "StreamEvent",
        "WaitResult",
    ),
    "facade.runs": ("RunsFacade",),
    "runtime.client": ("connect",),
    "runtime.worker": ("Worker",),
}
_LAZY = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    # LangGraph and Temporal are heavy: `perdure --help`, or a program that only reads a setting, does not load them.
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(f".{_LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
