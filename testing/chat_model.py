"""`ScriptedChatModel`: a chat model without a network, that says what its script says.

Built on LangChain's `BaseChatModel`, so that `bind_tools`, `with_structured_output`, agents, callbacks and every way
of streaming work as with a real one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.chat_models import agenerate_from_stream, generate_from_stream
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, Field, PrivateAttr

from ..contracts.errors import PerdureError
from .tokens import tokens


class ScriptEndedError(PerdureError, LookupError):
    """A model was asked once more than its script has answers. (LangGraph retries no node for a `LookupError`.)"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a model was asked in one call."""

    messages: tuple[BaseMessage, ...]
    tools: tuple[str, ...] = ()
    """The names of the tools that it was given, also of those that stand for structured output."""
    tool_choice: str | None = None
    stop: tuple[str, ...] = ()


Answer = str | BaseModel | Exception
"""A text; an `AIMessage`; another pydantic model, for `with_structured_output`; or an error, which is raised."""
Script = Sequence[Answer] | Callable[[Asked], Answer]


def tool_call(name: str, args: Mapping[str, Any] | None = None, *, text: str = "") -> AIMessage:
    """The answer that calls a tool. For several at once: `AIMessage(text, tool_calls=[…])`."""
    return AIMessage(text, tool_calls=[{"name": name, "args": dict(args or {}), "id": None}])


class ScriptedChatModel(BaseChatModel):
    """Gives the answers of its script, one a call, and notes in `asked` what it was asked.

    `script`: the answers, in order, for all who hold this object; or a function from what is asked to the answer. Only
    a function answers the same in another process, in parallel branches, and again after a crash. A text is streamed
    word by word. Tool calls without an id get one that is unique in the conversation and the same each time; usage
    that is not given is counted in words.
    """

    token_delay: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Seconds before each token; a token is a word."""
    model_name: str = "scripted"

    _script: Script = PrivateAttr()
    _asked: list[Asked] = PrivateAttr(default_factory=list[Asked])

    def __init__(self, script: Script, **more: Any) -> None:
        """`more`: the fields above, and those of `BaseChatModel`. Raises `TypeError` for what is no script."""
        if isinstance(script, str) or not (callable(script) or hasattr(script, "__getitem__")):
            raise TypeError(f"a script is a list of answers, or a function that gives one, and not {script!r}")
        super().__init__(**more)
        self._script = script

    @property
    def asked(self) -> list[Asked]:
        """What it was asked, call by call, by all who hold this object."""
        return list(self._asked)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name}

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """As with a real model. The script decides which tools are called, whatever `tool_choice` says."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], tool_choice=tool_choice, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, **kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        # Takes its time also when nobody watches the tokens, as a real model does.
        return await agenerate_from_stream(self._astream(messages, stop, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for token in self._tokens(messages, stop, kwargs):
            time.sleep(self.token_delay)
            yield token

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for token in self._tokens(messages, stop, kwargs):
            await asyncio.sleep(self.token_delay)
            yield token

    def _tokens(
        self, messages: list[BaseMessage], stop: list[str] | None, options: Mapping[str, Any]
    ) -> list[ChatGenerationChunk]:
        asked = Asked(
            messages=tuple(messages),
            tools=tuple(tool["function"]["name"] for tool in options.get("tools") or ()),
            tool_choice=options.get("tool_choice"),
            stop=tuple(stop or ()),
        )
        answer = _message(self._answer(asked))
        return tokens(answer, messages, self.model_name)

    def _answer(self, asked: Asked) -> Answer:
        self._asked.append(asked)
        if callable(self._script):
            return self._script(asked)
        number = len(self._asked)
        if number > len(self._script):
            raise ScriptEndedError(_ended(number, len(self._script), asked))
        return self._script[number - 1]


def _message(answer: Answer) -> AIMessage:
    if isinstance(answer, Exception):
        raise answer
    if isinstance(answer, AIMessage):
        return answer
    if isinstance(answer, str):
        return AIMessage(answer)
    return tool_call(type(answer).__name__, answer.model_dump(mode="json"))


def _ended(number: int, answers: int, asked: Asked) -> str:
    last = asked.messages[-1] if asked.messages else None
    about = f"{last.type}: {last.text[:100]!r}" if last else "no message"
    return (
        f"the script of ScriptedChatModel is at its end: it has {answers} answers, and this is call {number} "
        f"(the last message is {about}). Add an answer, or find out why the graph asks again"
    )
