"""The text of messages, whose content may be a string or a list of blocks, and what begins and ends a conversation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from ..events import RunEvent
from .text import valid_text

TITLE_KEYS = ("title", "thread_title")


def text_of(content: object) -> str:
    """The text of a message's content; what is no text stands as its type in brackets, like `[image]`.

    `content`: a text, a block, a list of them, or a whole message with a `content`.
    """
    if isinstance(content, str):
        return content
    if isinstance(content, list | tuple):
        return "\n".join(text for block in cast("list[object]", content) if (text := text_of(block)))
    if isinstance(content, Mapping):
        return _text_of_block(cast("Mapping[str, Any]", content))
    return "" if content is None else str(content)


def _text_of_block(block: Mapping[str, Any]) -> str:
    if "content" in block and block.get("type") not in ("text", "tool_use"):
        return text_of(block["content"])
    for name in ("text", "thinking", "reasoning"):
        if isinstance(text := block.get(name), str):
            return text
    return f"[{str(block.get('type', 'object')).removesuffix('_url')}]"


def first_human_message(events: Iterable[RunEvent]) -> str | None:
    """The text of the first human message among events in their order; `None` without one."""
    found = (text_of(event.content) for event in events if event.event_type == "human_message")
    return next((text for text in found if text), None)


def last_message(events: Iterable[RunEvent]) -> str | None:
    """The text of the last human or AI message among events in their order; `None` without one."""
    spoken = ("human_message", "ai_message")
    texts = [text for event in events if event.event_type in spoken and (text := text_of(event.content))]
    return texts[-1] if texts else None


def title_in_state(state: object) -> str | None:
    """The title in a graph's state; `None` without one."""
    if not isinstance(state, Mapping):
        return None
    keys = cast("Mapping[str, object]", state)
    return next((title for key in TITLE_KEYS if (title := _title(keys.get(key)))), None)


def title_in_event(data: object) -> str | None:
    """The title in the data of a custom event that gives one."""
    return title_in_state(data) or _title(data)


def _title(value: object) -> str | None:
    return valid_text(value).replace("\0", "").strip() or None if isinstance(value, str) else None
