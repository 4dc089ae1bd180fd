"""`perdure show`: a run's events, told to a human."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from perdure.cli.timeline import Timeline, event_line
from perdure.contracts.events import EventCategory, RunEvent
from perdure.contracts.types import RunRecord

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TOKENS = {"input_tokens": 1200, "output_tokens": 30, "total_tokens": 1230, "cache_read_tokens": 1000}
USAGE = {**TOKENS, "llm_calls": 1, "tool_calls": 1, "by_caller": {"lead_agent": TOKENS, "subagent": TOKENS}}


def event(
    seq: int, after: float, event_type: str, content: Any = None, category: EventCategory = "trace", **about: Any
) -> RunEvent:
    return RunEvent(
        thread_id="thread",
        run_id="run",
        seq=seq,
        event_type=event_type,
        category=category,
        content=content,
        metadata=about,
        attempt=1,
        created_at=NOON + timedelta(seconds=after),
    )


def record(**fields: Any) -> RunRecord:
    known = {"run_id": "run", "thread_id": "thread", "assistant_id": "agent", "created_at": NOON, "updated_at": NOON}
    return RunRecord.model_validate(known | {"started_at": NOON + timedelta(seconds=2)} | fields)


def told(*events: RunEvent, **fields: Any) -> list[str]:
    return [" ".join(line.split()) for line in Timeline(record(**fields), events).lines()]


def test_the_story_of_a_run() -> None:
    model: dict[str, Any] = {"call_id": "m", "caller": "lead_agent", "node": "think", "step": 1, "model": "m-1"}
    tool: dict[str, Any] = {"call_id": "t", "caller": "subagent", "node": "tools", "step": 2, "tool": "search"}
    said = {"content": "I search", "tool_calls": [{"name": "search"}]}
    lines = told(
        event(1, 2, "run_started", {}, "lifecycle"),
        event(2, 2, "human_message", [{"type": "text", "text": "What?"}], "message"),
        event(3, 3, "llm_request", {"messages": []}, **model),
        event(4, 4.5, "llm_response", said, **model, usage=TOKENS),
        event(5, 5, "tool_start", {"query": "a"}, **tool),
        event(6, 6, "tool_error", {"type": "ValueError", "message": "no"}, **tool),
        event(7, 7, "run_awaiting_input", {}, "lifecycle"),
        event(8, 67, "run_resumed", {}, "lifecycle"),
        usage=USAGE,
    )
    assert lines == [
        "0.0 ● started (after 2.0 s in line)",
        "0.0 human: What?",
        "1 · think",
        "1.0 m-1 1.5 s, 1,200 (1,000 cached) → 30 tokens → I search [search]",
        "2 · tools",
        "3.0 search(query=a) 1.0 s → ✗ ValueError: no",
        "5.0 ● awaiting input",
        "65.0 ● resumed (after 60.0 s of waiting)",
        "1 model calls · 1 tool calls · 1,200 (1,000 cached) → 30 tokens · lead agent 1,230, subagent 1,230",
    ]


def test_a_call_under_way() -> None:
    about: dict[str, Any] = {"call_id": "t", "caller": "middleware", "node": "tools", "step": 2, "tool": "search"}
    assert told(event(1, 2, "tool_start", "a", **about))[-1] == "0.0 search(a) (middleware) …"


def test_a_long_content_is_cut() -> None:
    assert len(event_line(event(1, 0, "ai_message", [{"type": "text", "text": "word " * 500}], "message"))) < 150


def test_the_line_of_an_event() -> None:
    request = event(7, 0, "llm_request", {"messages": [{"type": "human", "content": "hi"}]}, node="think")
    assert event_line(request) == "7 #1 trace/llm_request think  1 messages, the last: hi"
