"""The text of messages of mixed content, and what begins and ends a conversation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from perdure.contracts.events import RunEvent
from perdure.contracts.serialization.content import (
    first_human_message,
    last_message,
    text_of,
    title_in_event,
    title_in_state,
)

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def event(event_type: str, content: Any) -> RunEvent:
    known: dict[str, Any] = {"thread_id": "t", "run_id": "r", "seq": 1, "category": "message", "attempt": 1}
    return RunEvent(event_type=event_type, content=content, created_at=datetime.now(UTC), **known)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("hi", "hi"),
        ([{"type": "text", "text": "look:"}, IMAGE], "look:\n[image]"),
        (["one", {"type": "text", "text": "two"}], "one\ntwo"),
        ([{"type": "thinking", "thinking": "hm", "signature": "x"}], "hm"),
        ({"type": "human", "content": [{"type": "text", "text": "in a message"}]}, "in a message"),
        (None, ""),
        ([], ""),
        (5, "5"),
    ],
)
def test_the_text_of_a_content(content: Any, text: str) -> None:
    assert text_of(content) == text


def test_the_first_human_message_and_the_last_message() -> None:
    events = [
        event("llm_request", {"messages": []}),
        event("human_message", [{"type": "text", "text": "look:"}, IMAGE]),
        event("human_message", "more"),
        event("ai_message", [{"type": "text", "text": "seen"}]),
        event("tool_result", "found"),
    ]
    assert (first_human_message(events), last_message(events)) == ("look:\n[image]", "seen")
    assert (first_human_message([]), last_message([])) == (None, None)


def test_titles() -> None:
    assert title_in_state({"thread_title": " T "}) == "T"
    assert title_in_state({"title": "", "thread_title": 5}) is None
    assert title_in_state("a result") is None
    assert (title_in_event("T"), title_in_event({"title": "T"}), title_in_event([1])) == ("T", "T", None)
