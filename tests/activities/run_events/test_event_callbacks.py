"""What the callbacks of a graph become: each call once, and nothing that would harm the graph."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, Generation, LLMResult
from langgraph.errors import GraphInterrupt
from langgraph.types import Command

from perdure.activities.run_events import EventCallbacks
from perdure.activities.run_events.recorder import Happening

LEAD = {"langgraph_checkpoint_ns": "model:1", "langgraph_node": "model", "langgraph_step": 1}
INNER = {**LEAD, "langgraph_checkpoint_ns": "tools:1|model:2"}


class Heard:
    def __init__(self) -> None:
        self.all: list[Happening] = []
        self.callbacks = EventCallbacks(self._add)

    def _add(self, *happenings: Happening) -> None:
        self.all.extend(happenings)

    @property
    def types(self) -> list[str]:
        return [one.event_type for one in self.all]

    def call(self, message: AIMessage, given: list[Any] | None = None, **about: Any) -> UUID:
        run_id = uuid4()
        known: dict[str, Any] = {"metadata": LEAD, **about}
        self.callbacks.on_chat_model_start({}, [given or []], run_id=run_id, **known)
        self.callbacks.on_llm_end(_result(message), run_id=run_id)
        return run_id


def _result(message: AIMessage) -> LLMResult:
    return LLMResult(generations=[[ChatGeneration(message=message)]])


def test_a_call_that_is_told_twice_counts_once() -> None:
    heard = Heard()
    run_id = heard.call(AIMessage("hi"))
    heard.callbacks.on_llm_end(_result(AIMessage("hi")), run_id=run_id)
    run_id = uuid4()
    for _ in range(2):
        heard.callbacks.on_tool_start({"name": "t"}, "x", run_id=run_id, metadata=LEAD)
    for _ in range(2):
        heard.callbacks.on_tool_end("y", run_id=run_id)
    assert heard.types == ["llm_request", "llm_response", "ai_message", "tool_start", "tool_end"]


def test_the_tokens_of_a_response_with_its_details() -> None:
    heard = Heard()
    usage: Any = {
        "input_tokens": 10,
        "output_tokens": 5,
        "total_tokens": 15,
        "input_token_details": {"cache_read": 4, "cache_creation": 1},
        "output_token_details": {"reasoning": 3},
    }
    heard.call(AIMessage([{"type": "text", "text": "hi"}], usage_metadata=usage))
    assert heard.all[1].metadata["usage"] == {
        "input_tokens": 10,
        "output_tokens": 5,
        "total_tokens": 15,
        "cache_read_tokens": 4,
        "cache_creation_tokens": 1,
        "reasoning_tokens": 3,
    }
    assert heard.all[2].content == [{"type": "text", "text": "hi"}]


def test_the_tokens_of_a_model_of_texts() -> None:
    heard, run_id = Heard(), uuid4()
    heard.callbacks.on_llm_start({}, ["say"], run_id=run_id, metadata={**LEAD, "ls_model_name": "old"})
    given = {
        "token_usage": {
            "prompt_tokens": 3,
            "completion_tokens": 2,
            "prompt_tokens_details": {"cached_tokens": 1},
            "completion_tokens_details": {"reasoning_tokens": 1},
        }
    }
    heard.callbacks.on_llm_end(LLMResult(generations=[[Generation(text="hi")]], llm_output=given), run_id=run_id)
    assert heard.all[1].metadata["usage"] == {
        "input_tokens": 3,
        "output_tokens": 2,
        "total_tokens": 5,
        "cache_read_tokens": 1,
        "reasoning_tokens": 1,
    }


def test_who_calls() -> None:
    heard = Heard()
    cases: tuple[dict[str, Any], ...] = (
        {"metadata": LEAD},
        {"metadata": INNER},
        {"metadata": INNER, "tags": ["lead_agent"]},
        {"metadata": LEAD, "tags": ["subagent:writer"]},
        {"metadata": {**LEAD, "lc_source": "summarization"}},
        {"metadata": {**LEAD, "langgraph_node": "SummarizationMiddleware.before_model"}},
    )
    for about in cases:
        heard.call(AIMessage(""), **about)
    callers = [one.metadata["caller"] for one in heard.all if one.event_type == "llm_request"]
    assert callers == ["lead_agent", "subagent", "lead_agent", "subagent", "middleware", "middleware"]


def test_what_middleware_says_is_no_message_of_the_agent() -> None:
    heard = Heard()
    heard.call(AIMessage("short"), metadata={**LEAD, "lc_source": "summarization"})
    heard.call(AIMessage("long"), tags=["middleware:other"])
    said = [(one.event_type, one.category) for one in heard.all if one.category != "trace"]
    assert said == [("summarization", "middleware"), ("middleware_message", "middleware")]


def test_only_human_messages_that_nobody_has_answered_may_be_new() -> None:
    heard = Heard()
    heard.call(AIMessage("two"), [HumanMessage("a"), AIMessage("one"), HumanMessage("b")])
    heard.call(AIMessage("three"), [HumanMessage("task")], metadata=INNER)
    human = [(one.content, one.if_new) for one in heard.all if one.event_type == "human_message"]
    assert human == [("b", True)]


def test_tool_calls_and_results() -> None:
    heard, run_id = Heard(), uuid4()
    heard.call(AIMessage("", tool_calls=[{"name": "t", "args": {"q": 1}, "id": "c"}]))
    heard.callbacks.on_tool_start({"name": "t"}, "x", run_id=run_id, metadata=LEAD, inputs={"q": 1}, tool_call_id="c")
    told: Any = Command(update={"messages": [ToolMessage("found", tool_call_id="c")]})
    heard.callbacks.on_tool_end(told, run_id=run_id)
    assert heard.types == ["llm_request", "llm_response", "ai_tool_call", "tool_start", "tool_end", "tool_result"]
    assert (heard.all[3].content, heard.all[5].content) == ({"q": 1}, "found")


def test_a_question_is_no_error_of_its_tool() -> None:
    heard = Heard()
    for error in (GraphInterrupt(()), ValueError("no")):
        run_id = uuid4()
        heard.callbacks.on_tool_start({"name": "t"}, "x", run_id=run_id, metadata=LEAD)
        heard.callbacks.on_tool_error(error, run_id=run_id)
    assert heard.types == ["tool_start", "tool_start", "tool_error"]


def test_custom_events() -> None:
    heard = Heard()
    heard.callbacks.on_custom_event("title", "T", run_id=uuid4(), metadata=LEAD)
    heard.callbacks.on_custom_event("middleware:title", {"title": "T"}, run_id=uuid4(), metadata=None)
    assert [(one.metadata["name"], one.category, one.task) for one in heard.all] == [
        ("title", "trace", "model:1"),
        ("middleware:title", "middleware", ""),
    ]


def test_a_node_that_fails_is_told_of_each_time() -> None:
    heard = Heard()

    def execution(error: BaseException | None, metadata: dict[str, Any] = LEAD, name: str = "model") -> None:
        run_id = uuid4()
        heard.callbacks.on_chain_start({}, {}, run_id=run_id, metadata=metadata, name=name)
        if error is None:
            heard.callbacks.on_chain_end({}, run_id=run_id)
        else:
            heard.callbacks.on_chain_error(error, run_id=run_id)

    for error in (ValueError("no"), KeyError("k"), None, ValueError("again")):
        execution(error)
    execution(ValueError("inner"), INNER)
    execution(ValueError("a chain within the node"), name="RunnableSequence")
    execution(GraphInterrupt())
    execution(asyncio.CancelledError())
    assert {one.event_type for one in heard.all} == {"node_error"}
    told = [(one.task, one.metadata["error"], one.metadata["failures"], str(one.content)) for one in heard.all]
    assert told == [
        ("model:1", "ValueError", 1, "no"),
        ("model:1", "KeyError", 2, "'k'"),
        ("model:1", "ValueError", 1, "again"),
        ("tools:1|model:2", "ValueError", 1, "inner"),
    ]
