"""The composition root: settings in, connected parts out."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import connect
    from .plugin import PerdurePlugin
    from .worker import Worker

__all__ = ["PerdurePlugin", "Worker", "connect"]

_LAZY = {"PerdurePlugin": "plugin", "Worker": "worker", "connect": "client"}


def __getattr__(name: str) -> Any:
    # A worker loads LangGraph, which takes a second: a client does not pay for it.
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(f".{_LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
