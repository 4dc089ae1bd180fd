"""What a run has used, counted from its events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from sqlalchemy import Connection, bindparam, select

from ..contracts.events import RunUsage, Tokens
from .schema import run_events

_OF_MODELS = ("llm_request", "llm_response")
_OF_TOOLS = "tool_start"
_COUNTS = tuple(Tokens.__annotations__)
_EVENTS = run_events.c
_CALLS = (
    select(_EVENTS.event_type, _EVENTS.metadata)
    .where(
        _EVENTS.run_id == bindparam("of_run"),
        _EVENTS.event_type.in_((*_OF_MODELS, _OF_TOOLS)),
        _EVENTS.void.is_(False),
    )
    .order_by(_EVENTS.seq)
)


def usage(connection: Connection, run_id: str) -> RunUsage | None:
    """`None` for a run that has called neither a model nor a tool."""
    rows = connection.execute(_CALLS, {"of_run": run_id}).all()
    if not rows:
        return None
    calls: dict[str, Mapping[str, Any]] = {}
    for kind, about in rows:
        if kind in _OF_MODELS:  # the response knows the model's exact name
            calls[about["call_id"]] = {**calls.get(about["call_id"], {}), **about}
    return _sums(calls.values(), tools=sum(kind == _OF_TOOLS for kind, _ in rows))


def _sums(calls: Iterable[Mapping[str, Any]], *, tools: int) -> RunUsage:
    total, models, callers = _none(), dict[str, Tokens](), dict[str, Tokens]()
    for call in calls:
        used = {"llm_calls": 1, **call.get("usage", {})}
        for counted in (
            total,
            models.setdefault(call["model"], _none()),
            callers.setdefault(call["caller"], _none()),
        ):
            _add(counted, used)
    return {**total, "tool_calls": tools, "by_model": models, "by_caller": callers}


def _none() -> Tokens:
    return cast("Tokens", dict.fromkeys(_COUNTS, 0))


def _add(counted: Tokens, used: Mapping[str, Any]) -> None:
    counts = cast("dict[str, int]", counted)
    for name in _COUNTS:
        counts[name] += used.get(name, 0)
