"""What users' data may have got into is kept out of the log: messages of errors that are not ours."""

from __future__ import annotations

import logging
import traceback
from typing import Any

from ..errors import (
    ConfigError,
    FencedError,
    RunNotFoundError,
    StateUnreadableError,
    TypeNotAllowedError,
    UnavailableError,
    WorkerStoppedError,
)

_LOGGERS = ("perdure", "temporalio", "asyncio", "langgraph", "langchain_core")
_QUOTES_NOBODY = (
    ConfigError,
    FencedError,
    RunNotFoundError,
    TypeNotAllowedError,
    UnavailableError,
    WorkerStoppedError,
)
"""What an operator has to read."""
_WITHHELD = "(withheld: encryption is on)"
_NAMES = {kind.__name__ for kind in _QUOTES_NOBODY}
_active: list[bool] = []
"""Not empty: in this process."""


def redact_logs() -> None:
    """From now on, for the whole process. Idempotent.

    In records of Perdure, Temporal's SDK, LangGraph and asyncio an error is its type only, unless its text is ours and
    quotes nothing, and a traceback has no messages. What graphs log by themselves is left as it is.
    """
    if _active:
        return
    _active.append(True)
    before = logging.getLogRecordFactory()

    def record_of(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = before(*args, **kwargs)
        if record.name.partition(".")[0] in _LOGGERS:
            _redact(record)
        return record

    logging.setLogRecordFactory(record_of)


def withheld(text: str, kind: str | None = None) -> str:
    """A text that may quote users' data, as the log may show it; `kind`: the class of the error whose message it is."""
    return _WITHHELD if _active and kind not in _NAMES else text


def _redact(record: logging.LogRecord) -> None:
    if isinstance(record.args, tuple):
        record.args = tuple(_shown(arg) if isinstance(arg, BaseException) else arg for arg in record.args)
    if isinstance(record.msg, BaseException):
        record.msg = _shown(record.msg)
    if record.exc_info and record.exc_info[1] is not None:
        record.exc_text = _traceback(record.exc_info[1])
        record.exc_info = None


def _shown(error: BaseException) -> object:
    quotes = isinstance(error, StateUnreadableError) or not isinstance(error, _QUOTES_NOBODY)
    return f"{type(error).__name__} {_WITHHELD}" if quotes else error


def _traceback(error: BaseException) -> str:
    """Where it was raised, and not what it says. A cause or a context comes first, as Python writes them."""
    lines = list[str]()
    seen = set[int]()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        frames = "".join(traceback.format_tb(following.__traceback__))
        lines.insert(0, f"Traceback (most recent call last):\n{frames}{_shown_of(following)}")
        following = following.__cause__ or following.__context__
    return "\n\n".join(lines)


def _shown_of(error: BaseException) -> str:
    shown = _shown(error)
    return f"{type(error).__name__}: {shown}" if shown is error else str(shown)
