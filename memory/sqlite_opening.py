"""The first connection to a file that other processes may be making at the same time."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from ..blocking import BUSY_TIMEOUT
from ..contracts.errors import UnavailableError
from ..contracts.retry import Retry, is_a, retried_on_thread

T = TypeVar("T")
_PAUSE = 0.05
"""Seconds: the other process makes its tables in about as long."""


def opened(connect: Callable[[], T], what: str) -> T:
    """What `connect` makes. Raises `UnavailableError` when SQLite fails for longer than a file may be locked.

    LangGraph's migrations are no transaction: of two processes that make the same tables one fails, and finds them
    when it looks again.
    """
    until = time.monotonic() + BUSY_TIMEOUT
    try:
        return retried_on_thread(connect, Retry(when=is_a(sqlite3.Error, OSError), until=until, pause=_PAUSE))
    except (sqlite3.Error, OSError) as exc:
        raise UnavailableError(f"{what} cannot be used now: {exc}") from exc
