"""What a model's response says: its message, its model, and the tokens that it took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult


def message_in(response: LLMResult) -> AIMessage | None:
    """The message of a chat model; `None` for a model of texts."""
    for generations in response.generations:
        for generation in generations:
            if isinstance(generation, ChatGeneration) and isinstance(generation.message, AIMessage):
                return generation.message
    return None


def text_in(response: LLMResult) -> str:
    """The text of the first answer."""
    return next((generation.text for several in response.generations for generation in several), "")


def model_in(response: LLMResult) -> str | None:
    """The model's name, as its provider gives it back."""
    message = message_in(response)
    for about in (message.response_metadata if message else {}, response.llm_output or {}):
        if name := about.get("model_name") or about.get("model"):
            return str(name)
    return None


def tokens_in(response: LLMResult) -> dict[str, int]:
    """The counts of `Tokens` that the response has. Each is 0 or more, whatever a provider puts there."""
    message = message_in(response)
    if message is not None and message.usage_metadata:
        return _counts(cast("Mapping[str, Any]", message.usage_metadata), "input", "output", "token_details")
    about = response.llm_output or {}
    given: Any = about.get("token_usage") or about.get("usage") or {}
    return _older_counts(cast("Mapping[str, Any]", given)) if isinstance(given, Mapping) else {}


def _counts(given: Mapping[str, Any], read: str, written: str, details: str) -> dict[str, int]:
    reading = cast("Mapping[str, Any]", given.get(f"{read}_{details}") or {})
    writing = cast("Mapping[str, Any]", given.get(f"{written}_{details}") or {})
    return _sized(
        given.get(f"{read}_tokens"),
        given.get(f"{written}_tokens"),
        given.get("total_tokens"),
        reading.get("cache_read", reading.get("cached_tokens")),
        reading.get("cache_creation"),
        writing.get("reasoning", writing.get("reasoning_tokens")),
    )


def _older_counts(given: Mapping[str, Any]) -> dict[str, int]:
    """Of models without `usage_metadata`: in the names that providers use."""
    names = ("prompt", "completion") if "prompt_tokens" in given else ("input", "output")
    return _counts(given, *names, "tokens_details")


def _sized(
    read: object, written: object, total: object, cache_read: object, cache_creation: object, reasoning: object
) -> dict[str, int]:
    counts = {
        "input_tokens": _count(read),
        "output_tokens": _count(written),
        "total_tokens": _count(total) or _count(read) + _count(written),
        "cache_read_tokens": _count(cache_read),
        "cache_creation_tokens": _count(cache_creation),
        "reasoning_tokens": _count(reasoning),
    }
    return {name: count for name, count in counts.items() if count}


def _count(value: object) -> int:
    return max(0, int(value)) if isinstance(value, int | float) and value == value else 0
