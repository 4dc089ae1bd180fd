"""The messages in the state of a graph that has a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

Message = Mapping[str, Any]

MESSAGES = "messages"


def messages_in(values: Any) -> list[Message]:
    """None, where the state has no such list."""
    found = cast("Mapping[str, Any]", values).get(MESSAGES) if isinstance(values, Mapping) else None
    return [one for one in cast("list[Any]", found) if isinstance(one, Mapping)] if isinstance(found, list) else []


def rest_of(values: Any) -> dict[str, Any]:
    """All but the messages."""
    if not isinstance(values, Mapping):
        return {}
    return {key: one for key, one in cast("Mapping[str, Any]", values).items() if key != MESSAGES}


def text_of(message: Message) -> str:
    """What is said in it: images and the like are left out."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    blocks = cast("list[Any]", content) if isinstance(content, list) else []
    return "".join(_text(block) for block in blocks)


def _text(block: Any) -> str:
    if isinstance(block, str):
        return block
    found = cast("Mapping[str, Any]", block) if isinstance(block, Mapping) else dict[str, Any]()
    return str(found.get("text", "")) if found.get("type") == "text" else ""


def id_of(message: Message) -> str:
    """Empty for one without."""
    return str(message.get("id") or "")


def calls_in(message: Message) -> list[Mapping[str, Any]]:
    """The calls of tools that an agent asks for."""
    return cast("list[Mapping[str, Any]]", message.get("tool_calls") or [])
