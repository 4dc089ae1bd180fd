"""An answer as the tokens of a stream: its words, then the words of its tool calls."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk


def tokens(answer: AIMessage, messages: Sequence[BaseMessage], model_name: str) -> list[ChatGenerationChunk]:
    """The chunks that add up to `answer`; what is no text and no call (usage, metadata) comes with the last."""
    chunks = [*_texts(answer), *_calls(answer, first=_calls_in(messages) + 1)] or [AIMessageChunk(content="")]
    chunks[-1] = chunks[-1].model_copy(
        update={
            "usage_metadata": answer.usage_metadata or _usage(messages, len(chunks)),
            "response_metadata": {"model_name": model_name} | answer.response_metadata,
            "additional_kwargs": answer.additional_kwargs,
            "chunk_position": "last",
        }
    )
    return [ChatGenerationChunk(message=chunk.model_copy(update={"id": answer.id})) for chunk in chunks]


def _texts(answer: AIMessage) -> Iterator[AIMessageChunk]:
    if isinstance(answer.content, str):
        yield from (AIMessageChunk(content=word) for word in _words(answer.content))
    else:
        yield AIMessageChunk(content=answer.content)


def _calls(answer: AIMessage, *, first: int) -> Iterator[AIMessageChunk]:
    for index, call in enumerate(answer.tool_calls):
        start = tool_call_chunk(name=call["name"], args="", id=call["id"] or f"call_{first + index}", index=index)
        yield AIMessageChunk(content="", tool_call_chunks=[start])
        for word in _words(json.dumps(call["args"], ensure_ascii=False)):
            yield AIMessageChunk(content="", tool_call_chunks=[tool_call_chunk(args=word, index=index)])


def _calls_in(messages: Sequence[BaseMessage]) -> int:
    return sum(len(message.tool_calls) for message in messages if isinstance(message, AIMessage))


def _usage(messages: Sequence[BaseMessage], written: int) -> UsageMetadata:
    read = sum(len(message.text.split()) for message in messages)
    return UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)


def _words(text: str) -> list[str]:
    return re.findall(r"\s*\S+|\s+$", text)
