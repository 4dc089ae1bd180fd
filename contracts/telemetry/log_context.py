"""Which run a log record is about."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_NOTHING: Mapping[str, str] = MappingProxyType({})
_bound: ContextVar[Mapping[str, str]] = ContextVar("perdure_log_context", default=_NOTHING)


@contextmanager
def log_context(**ids: str) -> Generator[None]:
    """Inside the block, and in the tasks that it starts, log records are about these ids (`run_id=…`)."""
    token = _bound.set({**_bound.get(), **ids})
    try:
        yield
    finally:
        _bound.reset(token)


def log_ids() -> Mapping[str, str]:
    """The ids of the innermost blocks around."""
    return _bound.get()
