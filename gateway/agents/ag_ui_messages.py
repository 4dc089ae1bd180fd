"""LangChain's messages as those of AG-UI."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from ag_ui.core import AssistantMessage, FunctionCall, SystemMessage, ToolCall, ToolMessage, UserMessage
from ag_ui.core import Message as Shown

from ..replies import encode
from .conversations import Message, calls_in, id_of, text_of

_PARTS = {"image": "image", "audio": "audio", "video": "video", "file": "document"}
_SOURCES = (("base64", "data"), ("url", "url"), ("file_id", "file"))


def shown_messages(messages: Iterable[Message]) -> list[Shown]:
    """Those that have an id, without which nobody could tell them from others."""
    return [shown for one in messages if id_of(one) for shown in _shown(one)]


def _shown(message: Message) -> Iterator[Shown]:
    id, name, text = id_of(message), message.get("name"), text_of(message)
    match str(message.get("type")):
        case "human":
            yield UserMessage(id=id, name=name, content=_parts(message) or text)
        case "system":
            yield SystemMessage(id=id, name=name, content=text)
        case "ai" | "AIMessageChunk":
            calls = [_call(one) for one in calls_in(message)]
            yield AssistantMessage(id=id, name=name, content=text, tool_calls=calls or None)
        case "tool":
            error = text if message.get("status") == "error" else None
            yield ToolMessage(id=id, tool_call_id=str(message.get("tool_call_id")), content=text, error=error)
        case _:
            return


def _call(call: Mapping[str, Any]) -> ToolCall:
    function = FunctionCall(name=str(call.get("name")), arguments=encode(call.get("args") or {}).decode())
    return ToolCall(id=str(call.get("id")), function=function)


def _parts(message: Message) -> Any:
    """Of one that is more than text; else nothing."""
    content = message.get("content")
    blocks = cast("list[Any]", content) if isinstance(content, list) else []
    found = [part for block in blocks if isinstance(block, Mapping) for part in _part(cast("Message", block))]
    return found if any(part["type"] != "text" for part in found) else None


def _part(block: Message) -> Iterator[dict[str, Any]]:
    kind = str(block.get("type"))
    if kind == "text":
        yield {"type": "text", "text": str(block.get("text", ""))}
    for ours, theirs in _SOURCES if kind in _PARTS else ():
        if block.get(ours):
            mime = block.get("mime_type") or ("application/octet-stream" if theirs == "data" else None)
            source = {"type": theirs, "value": block[ours], **({"mimeType": mime} if mime else {})}
            yield {"type": _PARTS[kind], "source": source}
