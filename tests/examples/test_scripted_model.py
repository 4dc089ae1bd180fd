"""The scripted chat model, which behaves like a real one."""

from __future__ import annotations

import time
from types import ModuleType
from typing import cast

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage

from examples.research.scripted_model import ScriptedChatModel
from examples.research.tools import TOOLS

QUESTION = HumanMessage("What is a fencing token?")


async def test_the_stream_adds_up_to_the_answer() -> None:
    model = ScriptedChatModel(token_delay=0).bind_tools(TOOLS)
    chunks = [cast("AIMessageChunk", chunk) async for chunk in model.astream([QUESTION])]
    whole = sum(chunks[1:], start=chunks[0])
    answer = await model.ainvoke([QUESTION])
    assert len(chunks) > 5
    assert (whole.content, whole.tool_calls) == (answer.content, answer.tool_calls)
    assert answer.tool_calls[0]["name"] == "list_documents"
    assert answer.usage_metadata == whole.usage_metadata


async def test_a_sync_call_gives_the_same_answer() -> None:
    model = ScriptedChatModel(token_delay=0).bind_tools(TOOLS)
    answer = await model.ainvoke([QUESTION])
    again = model.invoke([QUESTION])
    assert (again.content, again.tool_calls) == (answer.content, answer.tool_calls)


async def test_the_answer_takes_its_time_with_and_without_a_reader() -> None:
    model = ScriptedChatModel(token_delay=0.005).bind_tools(TOOLS)
    start = time.perf_counter()
    tokens = len([chunk async for chunk in model.astream([QUESTION])])
    streamed = time.perf_counter()
    await model.ainvoke([QUESTION])
    assert streamed - start > (tokens - 2) * 0.005
    assert time.perf_counter() - streamed > (tokens - 2) * 0.005


async def test_ids_of_tool_calls_are_unique_in_the_conversation() -> None:
    model = ScriptedChatModel(token_delay=0).bind_tools(TOOLS)
    first = await model.ainvoke([QUESTION])
    listed = ToolMessage("[]", tool_call_id=str(first.tool_calls[0]["id"]))
    second = await model.ainvoke([QUESTION, first, listed])
    third = await model.ainvoke([QUESTION, first, listed, second, AIMessage("Done."), QUESTION])
    assert [answer.tool_calls[0]["id"] for answer in (first, second, third)] == ["call_1", "call_2", "call_3"]


async def test_the_error_of_a_tool_is_no_reason_to_break() -> None:
    model = ScriptedChatModel(token_delay=0).bind_tools(TOOLS)
    conversation: list[BaseMessage] = [QUESTION]
    while (answer := await model.ainvoke(conversation)).tool_calls:
        errors = [ToolMessage("Error: disk on fire", tool_call_id=str(call["id"])) for call in answer.tool_calls]
        conversation += [answer, *errors]
        assert len(conversation) < 20
    assert "No document" in answer.text


def test_the_delay_comes_from_the_environment(agent: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESEARCH_TOKEN_DELAY", "0.25")
    assert agent.chat_model().token_delay == 0.25
    monkeypatch.delenv("RESEARCH_TOKEN_DELAY")
    assert agent.chat_model().token_delay == 0.03
