"""`ScriptedChatModel` behaves like a real model, and says what its script says."""

# LangGraph is only partly typed.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportDeprecated=false

from __future__ import annotations

import time
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.prebuilt import create_react_agent
from pydantic import BaseModel

from perdure.testing import Asked, ScriptedChatModel, ScriptEndedError, tool_call
from perdure.testing.chat_model import Answer

QUESTION = HumanMessage("How far is it?")


@tool
def distance(place: str) -> str:
    """How far a place is."""
    return f"3 km to {place}"


class Distance(BaseModel):
    """A distance."""

    km: float
    place: str


async def test_answers_come_in_order_and_what_was_asked_is_noted() -> None:
    model = ScriptedChatModel(["One.", AIMessage("Two.", id="m-2")])
    first = await model.ainvoke("first", stop=["."])
    second = model.invoke("second")
    assert [first.text, second.text, second.id] == ["One.", "Two.", "m-2"]
    assert [asked.messages[0].text for asked in model.asked] == ["first", "second"]
    assert [asked.stop for asked in model.asked] == [(".",), ()]


async def test_the_end_of_the_script_is_a_clear_error() -> None:
    model = ScriptedChatModel(["One."])
    await model.ainvoke("first")
    with pytest.raises(ScriptEndedError, match=r"it has 1 answers, and this is call 2 .*human: 'second'"):
        await model.ainvoke("second")
    with pytest.raises(ScriptEndedError, match="no message"):
        await ScriptedChatModel([]).ainvoke([])


async def test_an_error_of_the_script_is_raised() -> None:
    model = ScriptedChatModel([ConnectionError("overloaded"), "Now."])
    with pytest.raises(ConnectionError, match="overloaded"):
        await model.ainvoke("?")
    assert (await model.ainvoke("?")).text == "Now."


@pytest.mark.parametrize("answer", ["Three km.", tool_call("distance", {"place": "Bern"}, text="Let me look.")])
@pytest.mark.parametrize("in_threads", [False, True])
async def test_the_stream_adds_up_to_the_answer(answer: Answer, in_threads: bool) -> None:
    model = ScriptedChatModel([answer, answer])
    found = list(model.stream([QUESTION])) if in_threads else [chunk async for chunk in model.astream([QUESTION])]
    whole, said = sum(found[1:], start=found[0]), await model.ainvoke([QUESTION])
    assert len([chunk for chunk in found if chunk.text]) > 1
    assert (whole.content, whole.tool_calls, whole.usage_metadata) == (
        said.content,
        said.tool_calls,
        said.usage_metadata,
    )
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["input_tokens"] == 4


async def test_what_an_answer_carries_is_carried() -> None:
    usage: Any = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5, "input_token_details": {"cache_read": 1}}
    answer = AIMessage(
        [{"type": "text", "text": "Hello"}],
        id="m-1",
        usage_metadata=usage,
        response_metadata={"finish_reason": "stop"},
        additional_kwargs={"refusal": None},
    )
    said = await ScriptedChatModel([answer], model_name="m").ainvoke("?")
    assert (said.id, said.content, said.usage_metadata) == (answer.id, answer.content, usage)
    assert said.response_metadata == {"finish_reason": "stop", "model_name": "m"}
    assert said.additional_kwargs == {"refusal": None}


@pytest.mark.parametrize("streamed", [False, True])
async def test_tokens_take_their_time(streamed: bool) -> None:
    model, began = ScriptedChatModel(["one two three"], token_delay=0.01), time.perf_counter()
    _ = [chunk async for chunk in model.astream("?")] if streamed else await model.ainvoke("?")
    assert time.perf_counter() - began > 0.03


@pytest.mark.filterwarnings("ignore:create_react_agent has been moved")  # to a package that nothing else here needs
async def test_an_agent_calls_the_tools_of_the_script() -> None:
    model = ScriptedChatModel([tool_call("distance", {"place": "Bern"}), "It is 3 km."])
    agent: Any = create_react_agent(model, [distance])
    state = await agent.ainvoke({"messages": [QUESTION]})
    assert [message.text for message in state["messages"]] == [QUESTION.text, "", "3 km to Bern", "It is 3 km."]
    assert [asked.tools for asked in model.asked] == [("distance",)] * 2


async def test_structured_output() -> None:
    model = ScriptedChatModel([Distance(km=3, place="Bern"), tool_call("Distance", {"km": 4, "place": "Thun"})])
    structured = model.with_structured_output(Distance)
    assert [await structured.ainvoke("?"), await structured.ainvoke("?")] == [
        Distance(km=3, place="Bern"),
        Distance(km=4, place="Thun"),
    ]
    assert (model.asked[0].tools, model.asked[0].tool_choice) == (("Distance",), "any")


async def test_ids_of_tool_calls_are_unique_in_the_conversation_and_the_same_each_time() -> None:
    model = ScriptedChatModel(lambda asked: tool_call("distance", {"place": "Bern"}))
    conversation: list[BaseMessage] = [QUESTION]
    for number in (1, 2):
        said, again = await model.ainvoke(conversation), await model.ainvoke(conversation)
        assert said.tool_calls[0]["id"] == again.tool_calls[0]["id"] == f"call_{number}"
        conversation += [said, ToolMessage("3 km", tool_call_id=f"call_{number}")]


async def test_a_function_decides_by_what_is_asked() -> None:
    def script(asked: Asked) -> Answer:
        return f"{asked.messages[-1].text} with {', '.join(asked.tools) or 'nothing'}"

    model = ScriptedChatModel(script)
    assert (await model.ainvoke("a")).text == "a with nothing"
    assert (await model.bind_tools([distance, Distance]).ainvoke("b")).text == "b with distance, Distance"


@pytest.mark.parametrize("script", ["One.", 3, None])
def test_what_is_no_script_is_refused(script: Any) -> None:
    with pytest.raises(TypeError, match="a script is a list of answers"):
        ScriptedChatModel(script)
