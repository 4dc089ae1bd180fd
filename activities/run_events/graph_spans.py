"""The spans of a graph: of its nodes, model calls and tools.

Spans below a node are let go when the node ends, the node before them: what a killed worker has not ended leaves no
orphans behind. Names and attributes follow OpenTelemetry's semantic conventions for generative AI
(https://opentelemetry.io/docs/specs/semconv/gen-ai/). Contents are recorded only where
`OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` is `true`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult
from langgraph.errors import GraphBubbleUp
from opentelemetry.trace import Span, SpanKind, get_current_span, set_span_in_context

from ...contracts.serialization.serializer import to_json
from ...contracts.telemetry import tracing

_CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_STEP_TAG = "graph:step:"
"""LangGraph's tag on the callback run of a node, as opposed to what runs inside of it."""


@dataclass(slots=True)
class _Step:
    """A callback run under way; only nodes, model calls and tools have a span."""

    parent: UUID | None
    span: Span | None = None
    ended: list[tuple[Span, int]] = field(default_factory=list[tuple[Span, int]])
    """Spans below this one that have ended, and when."""


class GraphSpans(BaseCallbackHandler):
    """A span for each node, model call and tool of a graph, below the span that is current when it is made."""

    run_inline = True

    def __init__(self) -> None:
        self._above = set_span_in_context(get_current_span())
        self._steps: dict[UUID, _Step] = {}
        self._lock = threading.Lock()
        """A node that is a plain function runs in a thread, and its callbacks with it."""
        self._content = os.environ.get(_CONTENT, "").lower() == "true"

    def begin_slice(self) -> None:
        """Nodes that begin from now on are below the span that is current now."""
        self._above = set_span_in_context(get_current_span())

    def close(self) -> None:
        """The graph is over; what was cut off ends here."""
        with self._lock:
            open_now = [step for step in self._steps.values() if step.span is not None]
            self._steps.clear()
        for step in open_now:
            assert step.span is not None
            tracing.fail(step.span, "cut off")
            _let_go(step.span, time.time_ns(), step.ended)

    # Nodes.

    def on_chain_start(
        self,
        serialized: dict[str, Any] | None,
        inputs: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        node = (metadata or {}).get("langgraph_node")
        if not node or not any(tag.startswith(_STEP_TAG) for tag in tags or ()):
            self._begin(run_id, parent_run_id)
            return
        about = {
            "langgraph.node": node,
            "langgraph.step": (metadata or {}).get("langgraph_step", 0),
            "langgraph.namespace": str((metadata or {}).get("langgraph_checkpoint_ns", "")),
        }
        self._begin(run_id, parent_run_id, f"node {node}", about)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **more: Any) -> None:
        self._end(run_id)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:
        self._end(run_id, error=error)

    # Model calls.

    def on_chat_model_start(
        self,
        serialized: dict[str, Any] | None,
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        self._begin_model("chat", metadata, run_id, parent_run_id, messages)

    def on_llm_start(
        self,
        serialized: dict[str, Any] | None,
        prompts: list[str],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        self._begin_model("text_completion", metadata, run_id, parent_run_id, prompts)

    def _begin_model(
        self, operation: str, metadata: dict[str, Any] | None, run_id: UUID, parent: UUID | None, given: Any
    ) -> None:
        known = metadata or {}
        model = str(known.get("ls_model_name", ""))
        about = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": str(known.get("ls_provider", "unknown")),
            "gen_ai.request.model": model,
            **({"gen_ai.input.messages": _text(given)} if self._content else {}),
        }
        self._begin(run_id, parent, f"{operation} {model}".strip(), about, SpanKind.CLIENT)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **more: Any) -> None:
        about = _of_response(response)
        if self._content:
            about["gen_ai.output.messages"] = _text(response.generations)
        self._end(run_id, about)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:
        self._end(run_id, error=error)

    # Tools.

    def on_tool_start(
        self,
        serialized: dict[str, Any] | None,
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **more: Any,
    ) -> None:
        name = str((serialized or {}).get("name") or more.get("name") or "tool")
        about = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": name,
            **({"gen_ai.tool.call.id": str(more["tool_call_id"])} if more.get("tool_call_id") else {}),
            **({"gen_ai.tool.call.arguments": input_str} if self._content else {}),
        }
        self._begin(run_id, parent_run_id, f"execute_tool {name}", about)

    def on_tool_end(self, output: Any, *, run_id: UUID, **more: Any) -> None:
        self._end(run_id, {"gen_ai.tool.call.result": _text(output)} if self._content else {})

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:
        self._end(run_id, error=error)

    # The tree.

    def _begin(
        self,
        run_id: UUID,
        parent: UUID | None,
        name: str | None = None,
        about: Mapping[str, Any] | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> None:
        with self._lock:
            if run_id in self._steps:  # another handler of the same run has told us twice
                return
            step = self._steps[run_id] = _Step(parent)
            above = self._nearest(parent)
        if name is not None:
            context = self._above if above is None or above.span is None else set_span_in_context(above.span)
            step.span = tracing.start(name, context=context, attributes=about, kind=kind)

    def _end(self, run_id: UUID, about: Mapping[str, Any] | None = None, *, error: BaseException | None = None) -> None:
        with self._lock:
            step = self._steps.pop(run_id, None)
            above = None if step is None else self._nearest(step.parent)
        if step is None or step.span is None:
            return
        step.span.set_attributes(dict(about or {}))
        if error is not None and not isinstance(error, GraphBubbleUp):  # a pause or a question is no failure
            step.span.set_attribute("error.type", type(error).__name__)
            tracing.fail(step.span, error)
        if above is None:
            _let_go(step.span, time.time_ns(), step.ended)
        else:
            above.ended += [(step.span, time.time_ns()), *step.ended]

    def _nearest(self, run_id: UUID | None) -> _Step | None:
        """The step itself or the nearest one above it that has a span."""
        while run_id is not None and (step := self._steps.get(run_id)) is not None:
            if step.span is not None:
                return step
            run_id = step.parent
        return None


def _let_go(span: Span, ended: int, below: Sequence[tuple[Span, int]]) -> None:
    span.end(ended)
    for inner, at in below:
        inner.end(at)


def _of_response(response: LLMResult) -> dict[str, Any]:
    """Model, tokens and finish reasons of a response."""
    messages = [message for one in response.generations for part in one if (message := getattr(part, "message", None))]
    usages = [cast("dict[str, Any]", used) for one in messages if (used := getattr(one, "usage_metadata", None))]
    known = [cast("dict[str, Any]", getattr(one, "response_metadata", None) or {}) for one in messages]
    reasons = [str(one["finish_reason"]) for one in known if one.get("finish_reason")]
    model = next((str(name) for one in known if (name := one.get("model_name") or one.get("model"))), None)
    about: dict[str, Any] = {}
    if model:
        about["gen_ai.response.model"] = model
    if reasons:
        about["gen_ai.response.finish_reasons"] = reasons
    if usages:
        about["gen_ai.usage.input_tokens"] = sum(int(used.get("input_tokens", 0)) for used in usages)
        about["gen_ai.usage.output_tokens"] = sum(int(used.get("output_tokens", 0)) for used in usages)
    return about


def _text(value: Any) -> str:
    return to_json(value).decode()
