"""The live view of a terminal."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console

from perdure import RunInterrupt, StreamEvent
from perdure.cli.views import TerminalView, answer_lines


def _shown(*events: tuple[str, Any]) -> list[str]:
    seen = StringIO()
    view = TerminalView(Console(file=seen, width=200, highlight=False), lambda value: f"perdure resume r {value}")
    for number, (event, data) in enumerate(events, start=1):
        view.show(StreamEvent(id=str(number), event=event, data=data))
    return seen.getvalue().splitlines()


def _token(text: str, node: str, message: str) -> tuple[str, Any]:
    return "messages", [{"type": "AIMessageChunk", "content": text, "id": message}, {"langgraph_node": node}]


def test_two_models_that_speak_at_once_are_told_apart() -> None:
    shown = _shown(_token("a", "one", "1"), _token("b", "one", "1"), _token("c", "two", "2"), _token("d", "one", "1"))
    assert shown == ["one ▸ ab", "two ▸ c", "one ▸ d"]


def test_what_follows_tokens_begins_a_line_of_its_own() -> None:
    assert _shown(_token("a", "one", "1"), ("custom", {"x": 1}), ("end", {})) == ["one ▸ a", 'custom {"x": 1}']


def test_a_step_of_a_subgraph_says_where_it_is() -> None:
    assert _shown(("updates|outer:1|inner:2", {"node": {"key": 1}})) == ["● outer:1 › inner:2 › node  key"]


def test_a_takeover_is_announced_and_a_first_attempt_is_not() -> None:
    first, second = ({"run_id": "r", "thread_id": "t", "attempt": attempt} for attempt in (1, 2))
    assert _shown(("metadata", first)) == []
    assert _shown(("metadata", second))[0].startswith("attempt 2: another worker goes on")


def test_markup_in_a_models_text_is_text() -> None:
    assert _shown(_token("[red]a[/nothing]", "one", "1")) == ["one ▸ [red]a[/nothing]"]


def test_several_questions_are_answered_by_their_ids() -> None:
    asked = [{"id": "a", "value": "Tea?"}, {"id": "b", "value": {"n": 1}}]
    assert _shown(("awaiting_input", {"interrupts": asked})) == [
        "? Tea?",
        "? {",
        '  "n": 1',
        "}",
        '  answer all or some: perdure resume r {"a": "VALUE", "b": "VALUE"}',
    ]


def test_one_question_is_answered_by_its_value() -> None:
    assert answer_lines([RunInterrupt(id="a")], lambda value: f"<{value}>") == ["  answer: <VALUE>"]
