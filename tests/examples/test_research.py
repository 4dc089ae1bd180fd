"""The research example, run by LangGraph alone."""

# LangGraph is only partly typed.
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import ModuleType
from typing import Any, cast

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph

from examples.research.tools import LIBRARY
from perdure.testing import ScriptedChatModel

# LangGraph's limit of old, which a run with the default question must not need to raise.
THREAD: RunnableConfig = {"configurable": {"thread_id": "t"}, "recursion_limit": 25}


def _ask(question: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}]}


def _cited(report: str) -> tuple[set[int], dict[int, str]]:
    """The numbers that the text of the report cites, and its list of sources."""
    text, _, sources = report.partition("## Sources")
    listed = re.findall(r"^(\d+)\. (\S+)$", sources, re.MULTILINE)
    return {int(number) for number in re.findall(r"\[(\d+)\]", text)}, {int(n): name for n, name in listed}


async def test_the_default_question_takes_about_twenty_supersteps(
    research: CompiledStateGraph[Any, Any, Any, Any],
) -> None:
    steps = [values async for values in research.astream({}, THREAD, stream_mode="values")]
    assert 18 <= len(steps) - 1 <= 24
    assert steps[-1]["report"] == steps[-1]["messages"][-1].content


async def test_every_tool_is_really_called(research: CompiledStateGraph[Any, Any, Any, Any]) -> None:
    state = await research.ainvoke({}, THREAD)
    answered = [message for message in state["messages"] if isinstance(message, ToolMessage)]
    assert {message.name for message in answered} == {
        "list_documents",
        "search_documents",
        "read_document",
        "take_note",
    }
    assert all(message.status == "success" for message in answered)


async def test_the_report_cites_only_documents_that_exist(research: CompiledStateGraph[Any, Any, Any, Any]) -> None:
    cited, sources = _cited((await research.ainvoke({}, THREAD))["report"])
    assert cited == set(sources) == set(range(1, len(sources) + 1))
    assert len(set(sources.values())) == 3
    assert set(sources.values()) <= set(LIBRARY.documents)


async def test_every_quote_stands_in_its_document(research: CompiledStateGraph[Any, Any, Any, Any]) -> None:
    state = await research.ainvoke({}, THREAD)
    assert state["sources"] == state["notes"] != []
    assert all(LIBRARY.has_quote(note["document"], note["quote"]) for note in state["sources"])
    assert all(note["quote"] in state["report"] for note in state["sources"])


async def test_notes_are_checked_in_parallel(research: CompiledStateGraph[Any, Any, Any, Any]) -> None:
    steps: defaultdict[str, list[int]] = defaultdict(list)
    async for event in research.astream({}, THREAD, stream_mode="debug"):
        if event["type"] == "task":
            steps[event["payload"]["name"]].append(event["step"])
    assert len(steps["check"]) == 6
    assert len(set(steps["check"])) == 1


async def test_an_invented_quote_is_left_out(agent: ModuleType) -> None:
    assert await agent.check({"note": {"document": "fencing.md", "quote": "Fencing is a sport."}}) == {"sources": []}
    assert await agent.check({"note": {"document": "absent.md", "quote": "A lease is a lock"}}) == {"sources": []}


async def test_tokens_add_up_to_the_messages(research: CompiledStateGraph[Any, Any, Any, Any]) -> None:
    texts: defaultdict[str, str] = defaultdict(str)
    nodes: set[str] = set()
    async for event in research.astream({}, THREAD, stream_mode="messages"):
        message, origin = cast("tuple[BaseMessage, dict[str, str]]", event)
        nodes.add(origin["langgraph_node"])
        texts[str(message.id)] += message.text
    state = (await research.aget_state(THREAD)).values
    answers = [message for message in state["messages"] if isinstance(message, AIMessage)]
    assert [texts[str(answer.id)] for answer in answers[:-1]] == [answer.text for answer in answers[:-1]]
    assert state["report"].startswith(texts[str(answers[-1].id)])
    assert nodes == {"begin", "model", "tools", "write"}


async def test_a_rerun_from_any_checkpoint_gives_the_same_report(
    research: CompiledStateGraph[Any, Any, Any, Any],
) -> None:
    report = (await research.ainvoke({}, THREAD))["report"]
    history = [snapshot async for snapshot in research.aget_state_history(THREAD) if snapshot.next]
    assert len(history) > 18
    for snapshot in history[::3]:
        assert (await research.ainvoke(None, snapshot.config))["report"] == report


@pytest.mark.parametrize("tokens", [1, 60, 250, 400])
async def test_a_run_that_is_cut_in_the_middle_of_a_message_goes_on(
    research: CompiledStateGraph[Any, Any, Any, Any], tokens: int
) -> None:
    report = (await research.ainvoke({}, {"configurable": {"thread_id": "uncut"}}))["report"]
    seen = 0
    stream = research.astream({}, THREAD, stream_mode="messages")
    async with aclosing(cast("AsyncGenerator[object, None]", stream)) as run:
        async for _ in run:
            seen += 1
            if seen == tokens:
                break
    assert not (await research.aget_state(THREAD)).values.get("report")
    state = await research.ainvoke(None, THREAD)
    calls = [message.tool_call_id for message in state["messages"] if isinstance(message, ToolMessage)]
    assert state["report"] == report
    assert len(calls) == len(set(calls))


@pytest.mark.parametrize(
    "question",
    ["How do I wait for a human for days?", "idempotency", "Why [7] fence {this}?", "bananas", "何ですか", "?", ""],
)
async def test_any_question_gets_a_report(research: CompiledStateGraph[Any, Any, Any, Any], question: str) -> None:
    state = await research.ainvoke(_ask(question), THREAD)
    cited, sources = _cited(state["report"])
    assert cited == set(sources)
    assert set(sources.values()) <= set(LIBRARY.documents)
    assert sources or "say nothing about this" in state["report"]


async def test_a_second_question_on_the_thread_has_notes_of_its_own(
    research: CompiledStateGraph[Any, Any, Any, Any],
) -> None:
    await research.ainvoke(_ask("What does a heartbeat do?"), THREAD)
    second = await research.ainvoke(_ask("What is an idempotency key?"), THREAD)
    alone = await research.ainvoke(_ask("What is an idempotency key?"), {"configurable": {"thread_id": "alone"}})
    assert second["report"] == alone["report"]
    assert second["notes"] == alone["notes"]


async def test_a_real_model_is_named_by_the_environment(
    research: CompiledStateGraph[Any, Any, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def init_chat_model(name: str) -> ScriptedChatModel:
        return ScriptedChatModel([f"{name} says so [1]."])

    langchain = ModuleType("langchain.chat_models")
    monkeypatch.setattr(langchain, "init_chat_model", init_chat_model, raising=False)
    monkeypatch.setitem(sys.modules, "langchain", ModuleType("langchain"))
    monkeypatch.setitem(sys.modules, "langchain.chat_models", langchain)
    monkeypatch.setenv("PERDURE_MODEL", "acme:wise")
    state = await research.ainvoke({"messages": [HumanMessage("Why?")]}, THREAD)
    assert state["report"] == "acme:wise says so.\n"  # it took no note, so there is nothing to cite


def test_a_missing_package_is_named(agent: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain.chat_models", None)
    monkeypatch.setenv("PERDURE_MODEL", "openai:gpt-5-mini")
    with pytest.raises(RuntimeError, match=r"PERDURE_MODEL=openai:gpt-5-mini needs .*pip install langchain"):
        agent.chat_model()
