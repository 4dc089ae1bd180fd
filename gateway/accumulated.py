"""The stream mode `messages` of the API: a message grows from event to event, and is sent whole each time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from langchain_core import messages
from langchain_core.messages import BaseMessage, BaseMessageChunk, message_chunk_to_message

_CHUNK = "MessageChunk"
"""Ends the type of a part of a message."""


class Accumulated:
    """Of one reader of one run."""

    def __init__(self) -> None:
        self._messages: dict[str, BaseMessageChunk] = {}
        self._known: set[str] = set()

    def add(self, message: Mapping[str, Any], metadata: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """The events that one of `messages-tuple` becomes."""
        id = str(message.get("id"))
        if id not in self._known:
            self._known.add(id)
            yield "messages/metadata", {id: {"metadata": metadata}}
        if not str(message.get("type", "")).endswith(_CHUNK):
            yield "messages/complete", [message]
            return
        part = _chunk(message)
        before = self._messages.get(id)
        self._messages[id] = whole = part if before is None else before + part  # pyright: ignore[reportArgumentType]
        yield "messages/partial", [_plain(message_chunk_to_message(whole))]


def _chunk(message: Mapping[str, Any]) -> BaseMessageChunk:
    kind = getattr(messages, str(message["type"]))
    return cast("BaseMessageChunk", kind(**{key: value for key, value in message.items() if key != "type"}))


def _plain(message: BaseMessage) -> dict[str, Any]:
    return message.model_dump()
