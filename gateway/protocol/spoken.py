"""What models and tools say in one run, as messages of content blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ..replies import encode
from .content_blocks import BlockMessage, Data, text_message, whole_message
from .said import Namespace

_CHUNK = "AIMessageChunk"
CUT_OFF: Data = {
    "event": "error",
    "message": "the worker was lost while this was said; the run goes on at another one, which says it again",
    "code": "cut_off",
}


@dataclass(frozen=True, slots=True)
class Part:
    """Of a message: what is said, and where."""

    namespace: Namespace
    node: str | None
    data: Data


@dataclass(slots=True)
class _Speaking:
    """A message under way."""

    message: BlockMessage
    namespace: Namespace
    node: str | None
    task: str | None
    """The task that says it, as checkpoints have its place."""
    call: str | None
    """The model call's id, if it is told apart by it: another message was under way when it began."""


class Spoken:
    """Of one run."""

    def __init__(self, *, tools: bool) -> None:
        """`tools`: the run tells of its tools by themselves."""
        self._tools = tools
        self._speaking: dict[str, _Speaking] = {}

    def heard(self, namespace: Namespace, message: Mapping[str, Any], about: Mapping[str, Any]) -> Iterator[Part]:
        """A chunk, or a message that was said at once."""
        kind, node = message.get("type"), cast("str | None", about.get("langgraph_node"))
        if kind == _CHUNK:
            yield from self._chunk(namespace, message, about)
        elif kind == "ai":
            yield from (Part(namespace, node, data) for data in whole_message(message))
        elif kind == "tool" and not self._tools:
            yield from result_of_tool(namespace, message)

    def _chunk(self, namespace: Namespace, chunk: Mapping[str, Any], about: Mapping[str, Any]) -> Iterator[Part]:
        id = str(chunk.get("id"))
        if (speaking := self._speaking.get(id)) is None:
            speaking = self._speaking[id] = self._begun(id, namespace, about)
        for data in speaking.message.add(chunk):
            yield self._part(speaking, data)
        if chunk.get("chunk_position") == "last":
            yield from self._finished(id)

    def _begun(self, id: str, namespace: Namespace, about: Mapping[str, Any]) -> _Speaking:
        beside = any(one.namespace == namespace for one in self._speaking.values())
        node, task = about.get("langgraph_node"), about.get("langgraph_checkpoint_ns")
        return _Speaking(BlockMessage(id), namespace, node, task, id if beside else None)

    def _part(self, speaking: _Speaking, data: Data) -> Part:
        """Events of a message belong together by their place alone; where two are under way they say whose they are."""
        beside = sum(one.namespace == speaking.namespace for one in self._speaking.values()) > 1
        if speaking.call is not None:
            data = {**data, "run_id": speaking.call}
        if (beside or speaking.call is not None) and data["event"] != "message-start":
            data = {**data, "message_id": speaking.message.id}
        return Part(speaking.namespace, speaking.node, data)

    def _finished(self, id: str) -> Iterator[Part]:
        speaking = self._speaking[id]
        yield from [self._part(speaking, data) for data in speaking.message.finish()]
        del self._speaking[id]

    def task_ended(self, namespace: Namespace, task: Mapping[str, Any]) -> Iterator[Part]:
        """What it has begun to say is said."""
        place = "|".join((*namespace, f"{task['name']}:{task['id']}"))
        for id in [id for id, one in self._speaking.items() if one.task == place]:
            yield from self._finished(id)

    def run_ended(self) -> Iterator[Part]:
        """Well, so that all is said."""
        for id in [*self._speaking]:
            yield from self._finished(id)

    def cut_off(self) -> Iterator[Part]:
        """What was under way is said anew, or never."""
        yield from [self._part(one, CUT_OFF) for one in self._speaking.values()]
        self._speaking.clear()


def result_of_tool(namespace: Namespace, message: Mapping[str, Any], call: object = None) -> Iterator[Part]:
    """What a tool has given, in the place of its call."""
    call = call or message.get("tool_call_id")
    id = message.get("id") or (f"tool-{call}" if call else None)
    if not isinstance(id, str):
        return
    place, known = ((*namespace, f"tools:{call}"), {"tool_call_id": call}) if call else (namespace, {})
    for data in text_message(id, "tool", _text(message.get("content")), **known):
        yield Part(place, None, data)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "" if content is None else encode(content).decode()
