"""A chat model that needs no network: it streams what `policy` decides, word by word."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.chat_models import agenerate_from_stream, generate_from_stream
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field

from examples.research import policy


class ScriptedChatModel(BaseChatModel):
    """Researches when it has tools and writes the report when it has none. The same messages get the same answer."""

    token_delay: float = Field(default=0.03, ge=0, allow_inf_nan=False)
    """Seconds between two tokens; a token is a word."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(_tokens(messages, with_tools=bool(kwargs.get("tools"))))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        # Takes its time also when nobody watches the tokens, as a real model does.
        return await agenerate_from_stream(self._astream(messages, stop, run_manager, **kwargs))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for token in _tokens(messages, with_tools=bool(kwargs.get("tools"))):
            await asyncio.sleep(self.token_delay)
            yield token


def _tokens(messages: Sequence[BaseMessage], *, with_tools: bool) -> Iterator[ChatGenerationChunk]:
    move = policy.research(messages) if with_tools else policy.write(messages[-1].text)
    chunks = list(_chunks(move, first_call=len(policy.past_calls(messages)) + 1))
    read = sum(len(message.text.split()) for message in messages)
    usage = UsageMetadata(input_tokens=read, output_tokens=len(chunks), total_tokens=read + len(chunks))
    chunks[-1] = chunks[-1].model_copy(update={"usage_metadata": usage})
    return (ChatGenerationChunk(message=chunk) for chunk in chunks)


def _chunks(move: policy.Move, *, first_call: int) -> Iterator[AIMessageChunk]:
    """`first_call` numbers the tool calls, so that their ids are unique in the conversation and never random."""
    for word in _words(move.text):
        yield AIMessageChunk(content=word)
    for index, call in enumerate(move.calls):
        start = tool_call_chunk(name=call.tool, args="", id=f"call_{first_call + index}", index=index)
        yield AIMessageChunk(content="", tool_call_chunks=[start])
        for word in _words(json.dumps(call.args, ensure_ascii=False)):
            yield AIMessageChunk(content="", tool_call_chunks=[tool_call_chunk(args=word, index=index)])


def _words(text: str) -> list[str]:
    return re.findall(r"\s*\S+|\s+$", text)
