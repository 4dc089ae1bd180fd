"""Events in words, whatever a graph puts into them."""

from __future__ import annotations

from typing import Any

import pytest

from perdure import StreamEvent
from perdure.cli.event_text import in_one_line, read_message, read_updates


def _line(event: str, data: Any) -> str:
    return in_one_line(StreamEvent(id="1", event=event, data=data))


def test_blocks_of_content_are_read_as_text() -> None:
    content = [{"type": "text", "text": "a"}, {"type": "image_url"}, "b", {"type": "text", "text": "c"}]
    found = read_message([{"type": "ai", "content": content}, {"langgraph_node": "n"}])
    assert found is not None
    assert (found[0].text, found[1]) == ("abc", "n")


@pytest.mark.parametrize("data", [None, [], {}, "x", [{"content": 1}, {}], [{"type": "ai"}], [1, 2, 3]])
def test_a_message_of_another_form_is_shown_as_it_is(data: Any) -> None:
    assert read_message(data) is None
    assert "\n" not in _line("messages", data)


@pytest.mark.parametrize(
    "data", [None, [], "x", {"n": None}, {"n": [None, 1]}, {"n": {"messages": [{"tool_calls": 1}]}}]
)
def test_updates_of_any_form_are_read(data: Any) -> None:
    assert all(not step.tool_calls for step in read_updates(data))
    assert "\n" not in _line("updates", data)


def test_a_token_keeps_its_spaces_on_one_line() -> None:
    data = [{"type": "AIMessageChunk", "content": " a\nb "}, {"langgraph_node": "n"}]
    assert _line("messages", data) == 'n: " a\\nb "'


def test_messages_in_an_update_are_shown_by_their_text() -> None:
    call = {"name": "search", "args": {"q": "x"}, "id": "1"}
    data = {"model": {"messages": [{"type": "ai", "content": "I look.", "tool_calls": [call]}], "n": 1}}
    assert _line("updates", data) == '{"model": {"messages": ["ai: I look. search(q=x)"], "n": 1}}'


def test_a_gap_names_the_first_event_that_is_held() -> None:
    assert _line("gap", {"first_available_id": "7"}) == "the events before 7 are no longer held"


def test_the_end_of_a_run_that_failed_says_why() -> None:
    data = {"status": "error", "steps": 1, "error": {"type": "ValueError", "message": "no"}}
    assert _line("error", data) == "error · ValueError: no · 1 step"
