"""A run's events for a human: a line for each, or the story of its steps, calls, tokens and waiting times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from ..contracts.events import RunEvent
from ..contracts.serialization.content import text_of
from ..contracts.types import RunRecord
from .output import short

_TEXT = 100
"""Characters of a content that are shown."""
_BEGINS = {"llm_request": ("llm_response", "llm_error"), "tool_start": ("tool_end", "tool_error")}
_ENDS = {end for ends in _BEGINS.values() for end in ends}
_SAID = {
    "human_message": "human",
    "custom_event": "event",
    "summarization": "summary",
    "middleware_message": "says",
    "node_error": "failed",
}


def event_line(event: RunEvent) -> str:
    """An event with its number, its attempt, and what it says."""
    node = event.metadata.get("node")
    where = f" {node}" if node else ""
    return f"{event.seq} #{event.attempt} {event.category}/{event.event_type}{where}  {content_line(event)}".rstrip()


def content_line(event: RunEvent) -> str:
    """The content of an event, cut to one line."""
    given = _fields(event.content)
    if event.event_type == "llm_request" and given is not None:
        messages: list[Any] = given.get("messages") or [""]
        return f"{len(messages)} messages, the last: {short(text_of(messages[-1]), _TEXT)}"
    has_text = given is None or not {"content", "text"}.isdisjoint(given)
    return short(text_of(event.content) if has_text else given, _TEXT)


def _fields(content: Any) -> dict[str, Any] | None:
    return cast("dict[str, Any]", content) if isinstance(content, dict) else None


class Timeline:
    """The story of a run, in lines."""

    def __init__(self, record: RunRecord, events: Sequence[RunEvent]) -> None:
        self._record = record
        self._events = events
        self._begin = record.started_at or record.created_at
        self._ends = {
            (event.event_type, event.metadata["call_id"]): event
            for event in events
            if event.event_type in _ENDS and "call_id" in event.metadata
        }
        self._step: tuple[Any, ...] | None = None
        self._asked: datetime | None = None

    def lines(self) -> Iterator[str]:
        """From the start to the end, or to where the run is now."""
        for event in self._events:
            if event.category == "lifecycle":
                yield from self._turn(event)
            elif event.event_type in _BEGINS:
                yield from self._heading(event)
                yield self._at(event.created_at) + self._indent(event) + self._call(event)
            elif (name := _SAID.get(event.event_type)) is not None:
                name = str(event.metadata.get("name", name)) if event.event_type == "custom_event" else name
                yield f"{self._at(event.created_at)}{self._indent(event)}{name}: {content_line(event)}"
        if self._record.usage:
            yield usage_line(self._record.usage)

    def _turn(self, event: RunEvent) -> Iterator[str]:
        text = event.event_type.removeprefix("run_").replace("_", " ")
        if event.event_type == "run_started":
            waited = (self._begin - self._record.created_at).total_seconds()
            text += f" (after {waited:.1f} s in line)" if waited >= 0.1 else ""
        elif event.event_type == "run_awaiting_input":
            self._asked = event.created_at
        elif event.event_type == "run_resumed" and self._asked is not None:
            text += f" (after {(event.created_at - self._asked).total_seconds():.1f} s of waiting)"
        yield f"{self._at(event.created_at)}● {text}"

    def _heading(self, event: RunEvent) -> Iterator[str]:
        step = (event.metadata.get("caller") == "subagent", event.metadata.get("step"), event.metadata.get("node"))
        if step != self._step and step[2] is not None:
            self._step = step
            attempt = f" · attempt {event.attempt}" if event.attempt > 1 else ""
            yield f"{self._at(None)}{self._indent(event)[:-2]}{step[1]} · {step[2]}{attempt}"

    def _call(self, event: RunEvent) -> str:
        about = event.metadata
        good, bad = _BEGINS[event.event_type]
        end = self._ends.get((good, about["call_id"])) or self._ends.get((bad, about["call_id"]))
        who = f" ({about['caller']})" if about.get("caller") == "middleware" else ""
        asked = about["model"] if event.event_type == "llm_request" else f"{about['tool']}({_arguments(event.content)})"
        if end is None:
            return f"{asked}{who} …"
        time = f"{(end.created_at - event.created_at).total_seconds():.1f} s"
        tokens = f", {_tokens(end.metadata['usage'])}" if end.metadata.get("usage") else ""
        mark = "✗ " if end.event_type == bad else ""
        return f"{asked}{who}  {time}{tokens}  → {mark}{_outcome(end)}"

    def _indent(self, event: RunEvent) -> str:
        return "    " if event.metadata.get("caller") == "subagent" else "  "

    def _at(self, moment: datetime | None) -> str:
        return " " * 10 if moment is None else f"{(moment - self._begin).total_seconds():8.1f}  "


def usage_line(usage: Mapping[str, Any]) -> str:
    """What a run has used, in a line."""
    callers = cast("Mapping[str, Mapping[str, Any]]", usage.get("by_caller") or {})
    parts = [f"{usage['llm_calls']} model calls", f"{usage['tool_calls']} tool calls", _tokens(usage)]
    if len(callers) > 1:
        parts.append(", ".join(f"{name.replace('_', ' ')} {used['total_tokens']:,}" for name, used in callers.items()))
    return f"{' · '.join(parts)}"


def _tokens(usage: Mapping[str, Any]) -> str:
    cached = usage.get("cache_read_tokens", 0)
    read = f"{usage.get('input_tokens', 0):,}" + (f" ({cached:,} cached)" if cached else "")
    return f"{read} → {usage.get('output_tokens', 0):,} tokens"


def _arguments(content: Any) -> str:
    if not isinstance(content, dict):
        return short(content, _TEXT)
    return ", ".join(f"{name}={short(value, 40)}" for name, value in cast("dict[str, Any]", content).items())


def _outcome(end: RunEvent) -> str:
    content: Any = end.content
    if end.event_type.endswith("_error") and isinstance(content, dict):
        error = cast("dict[str, Any]", content)
        return short(f"{error.get('type')}: {error.get('message')}", _TEXT)
    calls = cast("list[dict[str, Any]]", content.get("tool_calls") or []) if isinstance(content, dict) else []  # pyright: ignore[reportUnknownMemberType]
    said = content_line(end)
    return " ".join([said, *(f"[{call['name']}]" for call in calls)]).strip()
