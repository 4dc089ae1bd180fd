"""A message as content blocks: LangChain's v1 blocks, each with its start, its parts and its end.

What a model says comes as chunks (`AIMessageChunk` as JSON) or as a whole message. `langchain_core` knows of each
provider how its chunks are to be read (`content_blocks`); the events are those of `langchain_protocol`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from langchain_core.messages import AIMessage, AIMessageChunk

from ..json_values import is_object, list_of, object_of
from .block_ids import with_known_ids

Block = dict[str, Any]
Data = dict[str, Any]
"""What an event says."""

_HEAVY = frozenset({"args", "data", "output", "transcript", "value"})
"""Fields that only the end of a block has."""
_CALL_CHUNKS = frozenset({"tool_call_chunk", "server_tool_call_chunk"})
_GROWING = {"text": "text", "reasoning": "reasoning"}
"""The field of a block that its parts add to."""


@dataclass(slots=True)
class _Open:
    """A block under way."""

    index: int
    block: Block


@dataclass(slots=True)
class BlockMessage:
    """One message that a model is saying."""

    id: str
    _blocks: dict[Hashable, _Open] = field(default_factory=dict[Hashable, _Open])
    _is_begun: bool = False
    _usage: dict[str, Any] = field(default_factory=dict[str, Any])
    _metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    _more: dict[str, Any] = field(default_factory=dict[str, Any])

    def add(self, chunk: Mapping[str, Any]) -> Iterator[Data]:
        """What a chunk says."""
        self._metadata.update(chunk.get("response_metadata") or {})
        if more := chunk.get("additional_kwargs"):
            parts = (
                AIMessageChunk(content="", additional_kwargs=self._more),
                AIMessageChunk(content="", additional_kwargs=more),
            )
            self._more = (parts[0] + parts[1]).additional_kwargs
        if not self._is_begun:
            self._is_begun = True
            yield _start(self.id, self._metadata)
        for position, block in enumerate(_blocks_of(chunk)):
            yield from self._grow(_key(block, position), block, chunk)
        if usage := chunk.get("usage_metadata"):
            self._usage = _added(self._usage, usage)

    def _grow(self, key: Hashable, block: Block, chunk: Mapping[str, Any]) -> Iterator[Data]:
        known = self._blocks.get(key)
        index = len(self._blocks) if known is None else known.index
        block = with_known_ids(block, chunk, _place(self.id, index))
        if known is None:
            known = self._blocks[key] = _Open(index, {**block})
            yield _block_start(known.index, block)
        else:
            known.block = _merged(known.block, block)
        if (delta := _delta(block)) is not None:
            yield {"event": "content-block-delta", "index": known.index, "delta": delta}

    def finish(self) -> Iterator[Data]:
        """Its end."""
        for known in self._blocks.values():
            yield _block_finish(known.index, known.block)
        yield _finish(self._usage, self._metadata, self._more)


def whole_message(message: Mapping[str, Any]) -> Iterator[Data]:
    """All of a message that was said at once."""
    metadata = object_of(message.get("response_metadata"))
    id = str(message.get("id") or "")
    yield _start(id, metadata)
    for index, made in enumerate(_whole_blocks(message)):
        block = with_known_ids(made, message, _place(id, index))
        yield _block_start(index, block)
        if (delta := _delta(block)) is not None:
            yield {"event": "content-block-delta", "index": index, "delta": delta}
        yield _block_finish(index, block)
    yield _finish(object_of(message.get("usage_metadata")), metadata, {})


def text_message(id: str, role: str, text: str, **more: Any) -> Iterator[Data]:
    """A message of one text, of whatever role."""
    yield {"event": "message-start", "role": role, "id": id, **more}
    yield {"event": "content-block-start", "index": 0, "content": {"type": "text", "text": ""}}
    yield {"event": "content-block-delta", "index": 0, "delta": {"type": "text-delta", "text": text}}
    yield {"event": "content-block-finish", "index": 0, "content": {"type": "text", "text": text}}
    yield {"event": "message-finish"}


def _blocks_of(chunk: Mapping[str, Any]) -> list[Block]:
    content = chunk.get("content")
    if isinstance(content, str) and not chunk.get("tool_call_chunks") and not chunk.get("additional_kwargs"):
        return [{"type": "text", "text": content}] if content else []  # what nearly all of them are
    # Not as the last one, which LangChain takes for what has been put together.
    fields: dict[str, Any] = {**_fields(chunk), "chunk_position": None}
    blocks = _plain(AIMessageChunk(**fields).content_blocks)
    calls = chunk.get("tool_call_chunks") or ()
    if not calls or any(block.get("type") in _CALL_CHUNKS for block in blocks):
        return blocks
    # Beside a text they are taken for whole ones.
    others = [block for block in blocks if block.get("type") not in ("tool_call", "invalid_tool_call")]
    return [*others, *({**call, "type": "tool_call_chunk"} for call in calls)]


def _whole_blocks(message: Mapping[str, Any]) -> list[Block]:
    whole = AIMessage(**_fields(message))
    invalid = [{"type": "invalid_tool_call", **call} for call in whole.invalid_tool_calls]
    return [*_plain(whole.content_blocks), *_plain(invalid)]


def _fields(message: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != "type"}


def _plain(blocks: Any) -> list[Block]:
    return [{**object_of(block)} for block in list_of(blocks) if is_object(block)]


def _key(block: Block, position: int) -> Hashable:
    """By which a block is known from chunk to chunk: its provider's word for it, else its type and its place."""
    index = block.get("index")
    return index if isinstance(index, int | str) else ("", block.get("type"), position)


def _place(id: str, index: int) -> str:
    """Of a block of a message."""
    return f"{id}\n{index}"


def _start(id: str, metadata: Mapping[str, Any]) -> Data:
    known = {"provider": metadata.get("model_provider"), "model": metadata.get("model_name")}
    shown = {name: value for name, value in known.items() if value is not None}
    return {"event": "message-start", "role": "ai", "id": id, **({"metadata": shown} if shown else {})}


def _finish(usage: Mapping[str, Any], metadata: Mapping[str, Any], more: Mapping[str, Any]) -> Data:
    known = {"usage": usage, "metadata": metadata, "additional_kwargs": more}
    return {"event": "message-finish", **{name: {**value} for name, value in known.items() if value}}


def _block_start(index: int, block: Block) -> Data:
    return {"event": "content-block-start", "index": index, "content": _skeleton(block)}


def _skeleton(block: Block) -> Block:
    """A block of which nothing was said yet."""
    kind = str(block.get("type", "text"))
    if (growing := _GROWING.get(kind)) is not None:
        return {**{name: value for name, value in block.items() if name not in ("index", "annotations")}, growing: ""}
    if kind in _CALL_CHUNKS:
        named = {"type": kind, "id": block.get("id"), "name": block.get("name"), "args": ""}
        return named if block.get("index") is None else {**named, "index": block["index"]}
    empty: Block = {"args": {}} if kind in ("tool_call", "server_tool_call") else {}
    empty |= {"value": {}} if kind == "non_standard" else {}
    return {**{name: value for name, value in block.items() if name not in _HEAVY}, **empty}


def _delta(block: Block) -> dict[str, Any] | None:
    kind = str(block.get("type"))
    if (growing := _GROWING.get(kind)) is not None:
        return {"type": f"{kind}-delta", growing: block[growing]} if block.get(growing) else None
    if kind in _CALL_CHUNKS:
        return {"type": "tool-call-delta", "args": block["args"]} if block.get("args") else None
    if not block.get("data"):
        return None
    encoding = {"encoding": "base64"} if block.get("encoding") == "base64" else {}
    return {"type": "data-delta", "data": block["data"], **encoding}


def _merged(before: Block, part: Block) -> Block:
    kind = str(before.get("type"))
    if kind != part.get("type"):
        return {**part}
    growing = "args" if kind in _CALL_CHUNKS else _GROWING.get(kind) or ("data" if "data" in part else None)
    if growing is None:
        return {**part}
    said = {name: value for name, value in part.items() if value is not None and name != growing}
    extras = {**object_of(before.get("extras")), **object_of(said.pop("extras", None))}
    grown = (before.get(growing) or "") + (part.get(growing) or "")
    return {**before, **said, growing: grown, **({"extras": extras} if extras else {})}


def _block_finish(index: int, block: Block) -> Data:
    return {"event": "content-block-finish", "index": index, "content": _whole(block)}


def _whole(block: Block) -> Block:
    """A call whose arguments have all come has them as an object; those that are no JSON are shown as they are."""
    kind = str(block.get("type"))
    if kind not in _CALL_CHUNKS:
        return block
    dropped = {"type", "id", "name", "args", *(("index",) if kind == "tool_call_chunk" else ())}
    extras = {name: value for name, value in block.items() if name not in dropped and value is not None}
    named = {"id": block.get("id"), "name": block.get("name")}
    raw = block.get("args") or "{}"
    try:
        args = orjson.loads(raw)
    except orjson.JSONDecodeError:
        why = "Failed to parse tool call arguments as JSON"
        return {"type": "invalid_tool_call", **named, "args": raw, "error": why, **extras}
    return {"type": kind.removesuffix("_chunk"), **named, "args": args, **extras}


def _added(usage: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Counts add up, details of a later chunk stand over those of an earlier one."""
    total = {**usage}
    for name, value in more.items():
        if isinstance(value, int):
            total[name] = total.get(name, 0) + value
        elif value:
            total[name] = {**total.get(name, {}), **value}
    return total
