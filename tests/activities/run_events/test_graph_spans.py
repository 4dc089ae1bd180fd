"""The spans of a graph: a tree, in which nobody's parent is missing."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.tools import tool
from langgraph.graph import START, StateGraph
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from perdure.activities.run_events.graph_spans import GraphSpans
from perdure.contracts.telemetry import tracing
from perdure.testing import ScriptedChatModel


class State(TypedDict):
    log: Annotated[list[str], operator.add]


def model() -> ScriptedChatModel:
    """Answers, and says what it costs."""
    usage = UsageMetadata(input_tokens=3, output_tokens=2, total_tokens=5)
    metadata = {"model_name": "m-1", "finish_reason": "stop"}
    return ScriptedChatModel([AIMessage("hello", usage_metadata=usage, response_metadata=metadata)])


@tool
async def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


def agent() -> StateGraph[State]:
    async def think(state: State) -> dict[str, Any]:
        message = await model().ainvoke("hi")
        return {"log": [str(message.content)]}

    async def act(state: State) -> dict[str, Any]:
        return {"log": [str(await double.ainvoke({"number": 4}))]}

    inner = StateGraph(State)
    inner.add_node("act", act)
    inner.add_edge(START, "act")
    outer = StateGraph(State)
    outer.add_node("think", think)
    outer.add_node("inner", inner.compile())
    outer.add_edge(START, "think")
    outer.add_edge("think", "inner")
    return outer


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Where the spans of a provider of this test's own go."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield exporter
    provider.shutdown()


def tree(spans: Sequence[ReadableSpan]) -> dict[str, str | None]:
    """Name to name of the parent. Fails where a parent is missing."""
    by_id = {span.context.span_id: span for span in spans if span.context}
    return {span.name: None if span.parent is None else by_id[span.parent.span_id].name for span in spans}


async def run(graph: StateGraph[State]) -> None:
    spans = GraphSpans()
    try:
        await graph.compile().ainvoke({"log": []}, {"callbacks": [spans]})
    finally:
        spans.close()


async def test_nodes_models_and_tools_form_a_tree(exporter: InMemorySpanExporter) -> None:
    with tracing.current(tracing.start("slice")):
        await run(agent())
    spans = exporter.get_finished_spans()
    assert tree(spans) == {
        "slice": None,
        "node think": "slice",
        "chat scripted": "node think",
        "node inner": "slice",
        "node act": "node inner",
        "execute_tool double": "node act",
    }
    chat = next(span for span in spans if span.name == "chat scripted")
    about = dict(chat.attributes or {})
    assert (about["gen_ai.usage.input_tokens"], about["gen_ai.usage.output_tokens"]) == (3, 2)
    assert about["gen_ai.response.model"] == "m-1"
    assert not [key for key in about if key.endswith("messages")], "no content unless asked for"


async def test_content_is_recorded_where_it_is_asked_for(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    await run(agent())
    contents = {key: value for span in exporter.get_finished_spans() for key, value in (span.attributes or {}).items()}
    assert "hello" in str(contents["gen_ai.output.messages"])
    assert "number" in str(contents["gen_ai.tool.call.arguments"])


async def test_what_fails_says_so(exporter: InMemorySpanExporter) -> None:
    async def bad(state: State) -> dict[str, Any]:
        raise ValueError("no luck")

    graph = StateGraph(State)
    graph.add_node("bad", bad)
    graph.add_edge(START, "bad")
    with pytest.raises(ValueError, match="no luck"):
        await run(graph)
    (span,) = exporter.get_finished_spans()
    assert not span.status.is_ok
    assert (span.attributes or {})["error.type"] == "ValueError"


async def test_below_a_node_nothing_is_let_go_before_the_node(exporter: InMemorySpanExporter) -> None:
    reached = asyncio.Event()

    async def think(state: State) -> dict[str, Any]:
        await model().ainvoke("hi")
        reached.set()
        await asyncio.Event().wait()
        return {}

    graph = StateGraph(State)
    graph.add_node("think", think)
    graph.add_edge(START, "think")
    running = asyncio.create_task(run(graph))
    await reached.wait()
    assert exporter.get_finished_spans() == ()
    running.cancel()
    await asyncio.wait({running})
    assert tree(exporter.get_finished_spans()) == {"node think": None, "chat scripted": "node think"}


async def test_a_plain_function_in_a_thread(exporter: InMemorySpanExporter) -> None:
    def think(state: State) -> dict[str, Any]:
        return {"log": [str(model().invoke("hi").content)]}

    graph = StateGraph(State)
    graph.add_node("think", think)
    graph.add_edge(START, "think")
    await run(graph)
    assert tree(exporter.get_finished_spans()) == {"node think": None, "chat scripted": "node think"}


async def test_the_id_of_a_span_may_be_chosen(exporter: InMemorySpanExporter) -> None:
    parent = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
    id = tracing.span_id("run", "r")
    tracing.start("child", context=tracing.below(parent, id)).end()
    tracing.start("run", context=tracing.below(parent), id=id).end()
    tracing.start("other").end()
    child, chosen, other = exporter.get_finished_spans()
    assert child.parent is not None
    assert chosen.context is not None
    assert other.context is not None
    assert child.parent.span_id == chosen.context.span_id == id != other.context.span_id
    assert chosen.parent is not None
    assert f"{chosen.parent.span_id:016x}" == "cd" * 8
    assert tracing.below("nonsense") is None
