"""What a human said to begin a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.messages.utils import convert_to_messages


def human_message(given: object) -> str | list[Any] | None:
    """The content of the newest human message in the input of a run; `None` without one."""
    for one in reversed(_messages(given)):
        if isinstance(found := _message(one), HumanMessage):
            return cast("str | list[Any]", found.content)
    return None


def _messages(given: object) -> Sequence[Any]:
    if isinstance(given, Mapping):
        given = cast("Mapping[str, Any]", given).get("messages")
    given = getattr(given, "messages", given)
    if isinstance(given, list | tuple):
        return cast("Sequence[Any]", given)
    return [given]


def _message(value: Any) -> BaseMessage | None:
    try:
        return convert_to_messages([value])[0]
    except (ValueError, NotImplementedError, TypeError, KeyError):
        return None  # an input may be anything
