"""The parts of a message, in the JSON of either version of A2A (1.0, 0.3), as what a graph takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from .answers import read_answer

Part = Mapping[str, Any]


def input_of(parts: Sequence[Part], message_id: object) -> dict[str, Any]:
    """Objects of data are keys of the graph's state; texts and files are a message of its conversation."""
    content = [block for part in parts if (block := _block(part)) is not None]
    if not content:
        return _data(parts)
    texts = [block["text"] for block in content if block["type"] == "text"]
    said = "\n".join(texts) if len(texts) == len(content) else content
    return {**_data(parts), "messages": [{"type": "human", "content": said, "id": message_id}]}


def answer_of(parts: Sequence[Part]) -> Any:
    """What a question is answered with: data as it is, else the text."""
    for part in parts:
        if "data" in part:
            return part["data"]
    return read_answer("\n".join(str(part["text"]) for part in parts if "text" in part))


def _data(parts: Sequence[Part]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in parts:
        if isinstance(part.get("data"), dict):
            found |= cast("dict[str, Any]", part["data"])
    return found


def _block(part: Part) -> dict[str, Any] | None:
    """LangChain's content block; a 0.3 file has its fields one level below."""
    if "text" in part:
        return {"type": "text", "text": str(part["text"])}
    file = cast("Part", part["file"]) if isinstance(part.get("file"), dict) else part
    kind = str(file.get("mediaType") or file.get("mimeType") or "application/octet-stream")
    block = {"type": _kind_of(kind), "mime_type": kind}
    if url := file.get("url") or file.get("uri"):
        return {**block, "url": url}
    if data := file.get("raw") or file.get("bytes"):
        return {**block, "base64": data}
    return None


def _kind_of(media: str) -> str:
    first = media.partition("/")[0]
    return first if first in ("image", "audio", "video") else "file"
