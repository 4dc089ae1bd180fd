"""What happened inside a run: rows about model calls, tools, messages and custom events."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypedDict, get_args

from pydantic import Field

from .types import Frozen

EventCategory = Literal["lifecycle", "trace", "message", "middleware"]
EVENT_CATEGORIES: tuple[str, ...] = get_args(EventCategory)
EVENT_TYPES = (
    *("run_started", "run_awaiting_input", "run_resumed", "run_completed", "run_failed", "run_cancelled"),
    *("llm_request", "llm_response", "llm_error", "tool_start", "tool_end", "tool_error", "custom_event"),
    "node_error",
    *("human_message", "ai_message", "ai_tool_call", "tool_result"),
    *("summarization", "middleware_message"),
)
"""By category. `node_error` is an execution of a node that failed, of which LangGraph may make another (`RetryPolicy`):
its `failures` counts them. A custom event whose name begins with `middleware:` is of the category `middleware`."""
TITLE_EVENTS = ("title", "thread_title", "middleware:title")
"""Names of custom events that give the run and its thread a title: the text itself, or an object that has it under
`title`. So do the keys `title` and `thread_title` of the state, for a run without such an event."""

Caller = Literal["lead_agent", "subagent", "middleware"]


class Tokens(TypedDict):
    """Tokens of model calls, as LangChain counts them."""

    llm_calls: int
    """Requests, also those that failed."""
    input_tokens: int
    """Those read from and written to a cache included."""
    output_tokens: int
    """Those of the reasoning included."""
    total_tokens: int
    cache_read_tokens: int
    cache_creation_tokens: int
    reasoning_tokens: int


class RunUsage(Tokens):
    """`RunRecord.usage`: what a run has used. What was cut off and ran again is counted once."""

    tool_calls: int
    by_model: dict[str, Tokens]
    """By the name that the provider gives its model, `unknown` without one."""
    by_caller: dict[str, Tokens]
    """By `Caller`: `middleware` by tag, metadata or node; `subagent` by tag, or in a subgraph; else `lead_agent`."""


class RunEvent(Frozen):
    """One row. What a superstep wrote before it was cut off is replaced when it runs again."""

    thread_id: str
    run_id: str
    seq: int
    """Ascending and unique within the thread. Not dense: what a cut superstep wrote is taken out again, and what it
    writes when it runs again stands in the same places."""
    event_type: str
    """One of `EVENT_TYPES`."""
    category: EventCategory
    content: Any = None
    """Strict JSON: a text, or a message, arguments, a result."""
    metadata: dict[str, Any] = Field(default_factory=dict[str, Any])
    attempt: int
    """Which attempt of the run wrote it, from 1."""
    created_at: datetime
    """UTC."""
