"""The messages of a state, in the form in which the protocol shows them: only what clients read, in content blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from ...contracts.langgraph_names import INTERRUPT
from ..json_values import is_list, is_object, list_of, object_of

_TYPES = {"assistant": "ai", "user": "human"} | {
    name: name for name in ("ai", "human", "system", "tool", "function", "remove")
}
_BLOCKS = frozenset(
    {
        *("text", "reasoning", "image", "audio", "video", "file", "non_standard", "invalid_tool_call"),
        *("tool_call", "tool_call_chunk", "server_tool_call", "server_tool_call_chunk", "server_tool_call_result"),
        "server_tool_result",
    }
)
_AUDIO = {"mp3": "audio/mpeg", "opus": "audio/opus", "aac": "audio/aac", "flac": "audio/flac"}
_KEPT = {"ai": ("example",), "human": ("example",), "tool": ("tool_call_id", "status", "artifact")}
"""Fields beside `id`, `name` and `response_metadata`, by type."""

Fields = dict[str, Any]


def shown_state(value: Any) -> Any:
    """A state, or what a node has changed of it, with its messages so; questions are told by themselves."""
    if is_list(value):
        return [shown_message(one) if _is_message(one) else shown_state(one) for one in list_of(value)]
    if not is_object(value):
        return value
    return {name: shown_state(one) for name, one in object_of(value).items() if name != INTERRUPT}


def _is_message(value: Any) -> bool:
    kind = object_of(value).get("type")
    return isinstance(kind, str) and kind in _TYPES


def shown_message(message: Mapping[str, Any]) -> Fields:
    """One of them."""
    kind = _TYPES[message["type"]]
    shown: Fields = {"type": kind, "content": _content(message, kind)}
    shown |= {name: message[name] for name in ("id", "name") if isinstance(message.get(name), str)}
    shown |= {name: message[name] for name in _KEPT.get(kind, ()) if message.get(name) is not None}
    if message.get("response_metadata"):
        shown["response_metadata"] = message["response_metadata"]
    return shown | (_calls(message) if kind == "ai" else {})


def _content(message: Mapping[str, Any], kind: str) -> Any:
    content = message.get("content", "")
    audio = _spoken(message) if kind == "ai" else None
    if isinstance(content, str) and audio is None:
        return content
    given = [content] if isinstance(content, str) and content else list_of(content)
    blocks = [block for one in given if (block := _block(one)) is not None]
    if audio is not None and not any(block["type"] == "audio" for block in blocks):
        blocks.append(audio)
    return blocks or content


def _block(value: object) -> Fields | None:
    if isinstance(value, str):
        return {"type": "text", "text": value}
    block = object_of(value)
    kind = block.get("type")
    if not isinstance(kind, str) or kind in _BLOCKS:
        return block if isinstance(kind, str) else None
    if kind == "image_url":
        image = block.get("image_url")
        url = image if isinstance(image, str) else object_of(image).get("url")
        return {"type": "image", "url": url} if isinstance(url, str) else None
    if kind == "input_audio":
        given = object_of(block.get("input_audio"))
        return {"type": "audio", **{name: given[name] for name in ("data", "mime_type") if name in given}}
    return {"type": "non_standard", "value": {**block}}


def _spoken(message: Mapping[str, Any]) -> Fields | None:
    """What OpenAI's models say aloud is beside the content."""
    audio = object_of(object_of(message.get("additional_kwargs")).get("audio"))
    said = {name: audio[name] for name in ("id", "url", "data", "transcript") if isinstance(audio.get(name), str)}
    if not said.keys() & {"url", "data"}:
        return None
    mime = audio.get("mime_type") or _AUDIO.get(str(audio.get("format", "wav")).lower(), "audio/wav")
    return {"type": "audio", **said, "mime_type": mime}


def _calls(message: Mapping[str, Any]) -> Fields:
    beside = object_of(message.get("additional_kwargs")).get("tool_calls")
    given = [_call(object_of(one)) for one in list_of(message.get("tool_calls")) or list_of(beside)]
    said = [_invalid(object_of(one), "Malformed args.") for one in list_of(message.get("invalid_tool_calls"))]
    calls = [one for one in given if one["type"] == "tool_call"]
    invalid = said or [one for one in given if one["type"] != "tool_call"]
    return {**({"tool_calls": calls} if calls else {}), **({"invalid_tool_calls": invalid} if invalid else {})}


def _call(call: Fields) -> Fields:
    function = object_of(call.get("function"))
    name, args = call.get("name") or function.get("name"), call.get("args", function.get("arguments"))
    known = {**call, "name": name, "args": args}
    if not isinstance(name, str):
        return _invalid(known, "Incomplete tool call.")
    if isinstance(args, str):
        try:
            args = orjson.loads(args) if args else None
        except orjson.JSONDecodeError:
            return _invalid(known, "Malformed args.")
    shown: Fields = {"type": "tool_call", "name": name, "args": args, **_named(call, "id")}
    return shown if args is not None else {**shown, "args": {}}


def _invalid(call: Fields, error: str) -> Fields:
    return {"type": "invalid_tool_call", "error": error, **_named(call, "id", "name", "args", "error")}


def _named(call: Mapping[str, Any], *names: str) -> Fields:
    return {name: call[name] for name in names if isinstance(call.get(name), str)}
