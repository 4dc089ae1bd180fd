"""Perdure: long LangGraph agent jobs on Temporal that survive crashes, stream live, and can be cancelled.

```python
async with perdure.connect() as runs:
    record, stream = await runs.create_and_stream(spec)
```
"""

from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
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

_LAZY = {"RunsFacade": "facade.runs", "Worker": "runtime.worker", "connect": "runtime.client"}


def __getattr__(name: str) -> Any:
    # LangGraph and Temporal are heavy: `perdure --help`, or a program that only reads a setting, does not load them.
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(f".{_LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
