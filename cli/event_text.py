"""What the events of a stream say, in words: the parts of LangGraph's payloads that a human reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel, TypeAdapter, ValidationError

from ..contracts.langgraph_names import INTERRUPT
from ..contracts.types import (
    AWAITING_INPUT_EVENT,
    GAP_EVENT,
    METADATA_EVENT,
    TERMINAL_EVENTS,
    RunInterrupt,
    StreamEvent,
)
from .output import short

_CHUNKS = ("AIMessageChunk",)
"""Types of messages that are a part of one."""


class ToolCall(BaseModel):
    """A tool that a model asks for."""

    name: str
    args: Any = None

    def __str__(self) -> str:
        given = cast("Mapping[str, Any]", self.args) if isinstance(self.args, Mapping) else {"": self.args}
        return f"{self.name}({', '.join(f'{key}={short(value, 60)}' for key, value in given.items())})"


class Message(BaseModel):
    """A LangChain message, or a chunk of one."""

    type: str
    content: str | list[Any] = ""
    id: str | None = None
    name: str | None = None
    tool_calls: list[ToolCall] = []

    @property
    def text(self) -> str:
        """The text in the content, which may be a list of blocks."""
        if isinstance(self.content, str):
            return self.content
        return "".join(_block_text(block) for block in self.content)

    @property
    def from_model(self) -> bool:
        """Whether a model wrote it."""
        return self.type in ("ai", *_CHUNKS)

    def __str__(self) -> str:
        return " ".join(filter(None, (self.text, *(str(call) for call in self.tool_calls if call.name))))


class Origin(BaseModel):
    """Where a message comes from."""

    langgraph_node: str = ""


class Asked(BaseModel):
    """The data of an `awaiting_input` event."""

    interrupts: list[RunInterrupt] = []


_MESSAGE_EVENT: TypeAdapter[tuple[Message, Origin]] = TypeAdapter(tuple[Message, Origin])


@dataclass(frozen=True, slots=True)
class StepUpdate:
    """What one node changed."""

    node: str
    keys: tuple[str, ...]
    tool_calls: tuple[ToolCall, ...]


def read_message(data: Any) -> tuple[Message, str] | None:
    """The message of a `messages` event and its node; `None` when it has another form."""
    try:
        message, origin = _MESSAGE_EVENT.validate_python(data)
    except ValidationError:
        return None
    return message, origin.langgraph_node


def read_updates(data: Any) -> Iterator[StepUpdate]:
    """The steps that an `updates` event tells of."""
    if not isinstance(data, Mapping):
        return
    for node, update in cast("Mapping[str, Any]", data).items():
        if node != INTERRUPT:
            parts = cast("list[Any]", update) if isinstance(update, list) else [update]
            changes = [cast("Mapping[str, Any]", part) for part in parts if isinstance(part, Mapping)]
            keys = tuple(dict.fromkeys(key for change in changes for key in change))
            yield StepUpdate(node, keys, tuple(call for change in changes for call in _tool_calls(change)))


def read_questions(data: Any) -> list[RunInterrupt]:
    """The questions of an `awaiting_input` event."""
    try:
        return Asked.model_validate(data).interrupts
    except ValidationError:
        return []


def in_one_line(event: StreamEvent) -> str:
    """The event for a line of its own, without its id and name."""
    data = event.data
    name = event.event.partition("|")[0]
    if name == "messages" and (found := read_message(data)) is not None:
        message, node = found
        return f"{node or message.type}: {_quoted(message) if message.type in _CHUNKS else short(str(message), 300)}"
    if name == METADATA_EVENT:
        return f"run {data['run_id']} on thread {data['thread_id']}, attempt {data['attempt']}"
    if name == AWAITING_INPUT_EVENT:
        return "; ".join(f"{question.id}: {short(question.value, 300)}" for question in read_questions(data))
    if name == GAP_EVENT:
        return f"the events before {data['first_available_id']} are no longer held"
    if name in TERMINAL_EVENTS:
        return ending(data)
    return short(_brief(data), 300)


def ending(data: Mapping[str, Any]) -> str:
    """How a run ended, of its terminal event's data."""
    error = cast("Mapping[str, Any] | None", data.get("error"))
    cause = [f"{error['type']}: {error['message']}"] if error else []
    return " · ".join([str(data["status"]), *cause, count_steps(int(data["steps"]))])


def count_steps(steps: int) -> str:
    """`1 step`, `2 steps`."""
    return f"{steps} step{'' if steps == 1 else 's'}"


def _tool_calls(change: Mapping[str, Any]) -> Iterator[ToolCall]:
    for value in change.values():
        for item in cast("list[Any]", value) if isinstance(value, list) else [value]:
            try:
                yield from Message.model_validate(item).tool_calls
            except ValidationError:
                continue


def _block_text(block: Any) -> str:
    if isinstance(block, str):
        return block
    text = cast("Mapping[str, Any]", block).get("text") if isinstance(block, Mapping) else None
    return text if isinstance(text, str) else ""


def _quoted(message: Message) -> str:
    calls = [str(call) for call in message.tool_calls if call.name]
    text = [json.dumps(message.text, ensure_ascii=False)] if message.text or not calls else []
    return " ".join([*text, *calls])


def _brief(value: Any) -> Any:
    """The value with its messages as texts."""
    if isinstance(value, list):
        return [_brief(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, Any]", value)
    if {"type", "content"} <= fields.keys():
        try:
            message = Message.model_validate(fields)
        except ValidationError:
            return fields
        return f"{message.type}: {message}"
    return {key: _brief(item) for key, item in fields.items()}
