"""What models say while they say it, as the events of AG-UI: texts, thoughts, calls of tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from ag_ui.core import (
    BaseEvent,
    ReasoningEndEvent,
    ReasoningMessageContentEvent,
    ReasoningMessageEndEvent,
    ReasoningMessageStartEvent,
    ReasoningStartEvent,
    TextMessageContentEvent,
    TextMessageEndEvent,
    TextMessageStartEvent,
    ToolCallArgsEvent,
    ToolCallEndEvent,
    ToolCallResultEvent,
    ToolCallStartEvent,
)

from ..replies import encode
from .conversations import Message, calls_in, id_of, text_of

_THOUGHTS = ("reasoning", "thinking", "summary_text")


@dataclass(slots=True)
class _Spoken:
    """A message that is being said."""

    text: bool = False
    thought: bool = False
    calls: dict[Any, str] = field(default_factory=dict[Any, str])
    """Ids of calls whose arguments are coming, by their place in the message."""


class Speech:
    """Of one run, for one reader."""

    def __init__(self) -> None:
        self._open: dict[str, _Spoken] = {}
        self._said: set[str] = set()
        self._called: dict[str, None] = {}
        """Calls without a result, in the order in which they were made."""

    @property
    def unanswered(self) -> list[str]:
        return [*self._called]

    def of(self, message: Message) -> Iterator[BaseEvent]:
        """The events of one of the `messages` mode."""
        kind, id = str(message.get("type")), id_of(message)
        if not id:
            return
        if kind == "AIMessageChunk":
            yield from self._part(id, message)
        elif kind == "ai" and id not in self._said:
            yield from self._part(id, _as_part(message))
            yield from self._close(id)
        elif kind == "tool":
            yield from self._result(id, message)

    def close(self) -> Iterator[BaseEvent]:
        """Whatever is open."""
        for id in [*self._open]:
            yield from self._close(id)

    def _part(self, id: str, message: Message) -> Iterator[BaseEvent]:
        self._said.add(id)
        spoken = self._open.setdefault(id, _Spoken())
        if thought := _thought(message):
            yield from self._think(id, spoken, thought)
        if text := text_of(message):
            yield from self._say(id, spoken, text)
        for chunk in cast("list[Mapping[str, Any]]", message.get("tool_call_chunks") or []):
            yield from self._call(id, spoken, chunk)
        if message.get("chunk_position") == "last":
            yield from self._close(id)

    def _think(self, id: str, spoken: _Spoken, thought: str) -> Iterator[BaseEvent]:
        if not spoken.thought:
            spoken.thought = True
            yield ReasoningStartEvent(message_id=_of_thought(id))
            yield ReasoningMessageStartEvent(message_id=_of_thought(id))
        yield ReasoningMessageContentEvent(message_id=_of_thought(id), delta=thought)

    def _end_thought(self, id: str, spoken: _Spoken) -> Iterator[BaseEvent]:
        if spoken.thought:
            spoken.thought = False
            yield ReasoningMessageEndEvent(message_id=_of_thought(id))
            yield ReasoningEndEvent(message_id=_of_thought(id))

    def _say(self, id: str, spoken: _Spoken, text: str) -> Iterator[BaseEvent]:
        yield from self._end_thought(id, spoken)
        if not spoken.text:
            spoken.text = True
            yield TextMessageStartEvent(message_id=id, role="assistant")
        yield TextMessageContentEvent(message_id=id, delta=text)

    def _call(self, id: str, spoken: _Spoken, chunk: Mapping[str, Any]) -> Iterator[BaseEvent]:
        """The first part of a call has its id and its name; the others its place only."""
        yield from self._end_thought(id, spoken)
        place, call_id = chunk.get("index"), chunk.get("id")
        if call_id and chunk.get("name") and call_id not in self._called:
            spoken.calls[place] = str(call_id)
            self._called[str(call_id)] = None
            yield ToolCallStartEvent(tool_call_id=str(call_id), tool_call_name=str(chunk["name"]), parent_message_id=id)
        if chunk.get("args") and place in spoken.calls:
            yield ToolCallArgsEvent(tool_call_id=spoken.calls[place], delta=str(chunk["args"]))

    def _close(self, id: str) -> Iterator[BaseEvent]:
        spoken = self._open.pop(id, None)
        if spoken is None:
            return
        yield from self._end_thought(id, spoken)
        if spoken.text:
            yield TextMessageEndEvent(message_id=id)
        for call in spoken.calls.values():
            yield ToolCallEndEvent(tool_call_id=call)

    def _result(self, id: str, message: Message) -> Iterator[BaseEvent]:
        call = str(message.get("tool_call_id"))
        yield from self.close()
        if id in self._said:
            return
        self._said.add(id)
        self._called.pop(call, None)
        yield ToolCallResultEvent(message_id=id, tool_call_id=call, content=text_of(message), role="tool")


def _as_part(message: Message) -> Message:
    """A message that comes as a whole, as its only part."""
    chunks = [
        {"index": place, "id": one.get("id"), "name": one.get("name"), "args": encode(one.get("args") or {}).decode()}
        for place, one in enumerate(calls_in(message))
    ]
    return {**message, "tool_call_chunks": chunks}


def _thought(message: Message) -> str:
    """As the providers have it: in blocks of the content, or beside it."""
    beside = cast("Mapping[str, Any]", message.get("additional_kwargs") or {}).get("reasoning_content")
    content = message.get("content")
    blocks = cast("list[Any]", content) if isinstance(content, list) else []
    return (beside if isinstance(beside, str) else "") + "".join(_thought_in(block) for block in blocks)


def _thought_in(block: Any) -> str:
    found = cast("Mapping[str, Any]", block) if isinstance(block, Mapping) else dict[str, Any]()
    if found.get("type") not in _THOUGHTS:
        return ""
    return str(found.get("reasoning") or found.get("thinking") or found.get("text") or "")


def _of_thought(id: str) -> str:
    """It is a message of its own."""
    return f"{id}-reasoning"
