"""Messages of AG-UI as LangChain's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import orjson

_TYPES = {"user": "human", "assistant": "ai", "system": "system", "developer": "system", "tool": "tool"}
"""Activities and reasoning are for the page."""
_BLOCKS = {"image": "image", "audio": "audio", "video": "video", "document": "file"}
_SOURCES = {"data": "base64", "url": "url", "file": "file_id"}


def langchain_messages(messages: Iterable[Any]) -> list[dict[str, Any]]:
    """Those that are of the conversation."""
    found = (cast("Mapping[str, Any]", one) for one in messages if isinstance(one, Mapping))
    return [_message(one) for one in found if one.get("role") in _TYPES]


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    role = str(message["role"])
    made = {"type": _TYPES[role], "id": message.get("id"), "content": _content(message.get("content"))}
    if message.get("name") is not None:
        made["name"] = message["name"]
    if role == "assistant":
        calls = cast("list[Mapping[str, Any]]", message.get("toolCalls") or [])
        made["tool_calls"] = [_call(one) for one in calls]
    if role == "tool":
        made["tool_call_id"] = message.get("toolCallId")
        made["status"] = "error" if message.get("error") else "success"
    return made


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = cast("Mapping[str, Any]", call.get("function") or {})
    return {"type": "tool_call", "id": call.get("id"), "name": function.get("name"), "args": _arguments(function)}


def _arguments(function: Mapping[str, Any]) -> dict[str, Any]:
    """Models write what is no JSON, too."""
    text = str(function.get("arguments") or "{}")
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {"arguments": text}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {"arguments": found}


def _content(content: Any) -> Any:
    if not isinstance(content, list):
        return content or ""
    return [_block(part) for part in cast("Sequence[Mapping[str, Any]]", content)]


def _block(part: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(part.get("type"))
    if kind not in _BLOCKS:
        return {"type": "text", "text": str(part.get("text", ""))}
    source = cast("Mapping[str, Any]", part.get("source") or {})
    place = _SOURCES.get(str(source.get("type")), "url")
    mime = {"mime_type": source["mimeType"]} if source.get("mimeType") else {}
    return {"type": _BLOCKS[kind], place: source.get("value"), **mime}
