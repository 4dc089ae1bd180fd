"""Messages as content blocks: as LangChain's own models say them; and whose they are, where several are under way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from perdure.contracts.serialization.serializer import from_json, to_json
from perdure.gateway.protocol.content_blocks import BlockMessage, whole_message
from perdure.gateway.protocol.spoken import Part, Spoken


class Chunks(BaseChatModel):
    """Says these."""

    chunks: list[AIMessageChunk]

    @property
    def _llm_type(self) -> str:
        return "chunks"

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **more: Any) -> ChatResult:
        raise NotImplementedError

    async def _astream(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **more: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self.chunks:
            yield ChatGenerationChunk(message=chunk.model_copy())


def call(args: str, index: int = 0, **named: Any) -> Any:
    return {"name": None, "id": None, "args": args, "index": index, **named}


def said(content: Any = "", **more: Any) -> AIMessageChunk:
    return AIMessageChunk(content=content, **more)


ANTHROPIC = {"model_provider": "anthropic", "model_name": "claude"}
USAGE: Any = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3, "input_token_details": {"cache_read": 1}}
TABLE: dict[str, list[AIMessageChunk]] = {
    "a text": [said("It "), said("is"), said(" sunny.")],
    "nothing": [said("")],
    "usage": [said("a", usage_metadata=USAGE), said("b", usage_metadata=USAGE)],
    "where it is from": [
        said("a", response_metadata={"model_name": "m"}),
        said("", response_metadata={"finish_reason": "stop"}),
    ],
    "a call": [
        said(tool_call_chunks=[call('{"city"', name="weather", id="c1")]),
        said(tool_call_chunks=[call(': "Paris"}')]),
    ],
    "two calls": [
        said(tool_call_chunks=[call("{}", name="a", id="c1")]),
        said(tool_call_chunks=[call('{"x"', 1, name="b", id="c2")]),
        said(tool_call_chunks=[call(": 1}", 1)]),
    ],
    "arguments that are no JSON": [said(tool_call_chunks=[call('{"city', name="weather", id="c1")])],
    "blocks of a provider": [
        said([{"type": "thinking", "thinking": "hm", "index": 0}], response_metadata=ANTHROPIC),
        said([{"type": "thinking", "signature": "s", "index": 0}], response_metadata=ANTHROPIC),
        said([{"type": "text", "text": "It is", "index": 1}], response_metadata=ANTHROPIC),
        said([{"type": "text", "text": " sunny", "index": 1}], response_metadata=ANTHROPIC),
    ],
    "an image": [said([{"type": "image", "base64": "AAAA", "mime_type": "image/png", "index": 0}])],
    "more beside": [said("a", additional_kwargs={"mark": "x"}), said("b", additional_kwargs={"mark": "y"})],
}


@pytest.mark.filterwarnings("ignore")  # the version is in beta
@pytest.mark.parametrize("name", TABLE)
async def test_as_langchain_has_it(name: str) -> None:
    model: Any = Chunks(chunks=TABLE[name])
    expected = [event async for event in await model.astream_events("hi", version="v3")]
    chunks = [as_json(chunk) async for chunk in model.astream("hi")]
    message = BlockMessage(expected[0]["id"])
    found = [event for chunk in chunks for event in message.add(chunk)]
    assert [*found, *message.finish()] == expected


def as_json(message: Any) -> dict[str, Any]:
    """As streams have it."""
    return from_json(to_json(message))


def test_a_text_beside_a_call() -> None:
    message = BlockMessage("m")
    both = said("Let me see.", tool_call_chunks=[call("{}", name="a", id="c1")])
    assert [event["event"] for event in message.add(as_json(both))] == [
        "message-start",
        *("content-block-start", "content-block-delta") * 2,
    ]
    assert [event["content"] for event in message.finish() if "content" in event] == [
        {"type": "text", "text": "Let me see."},
        {"type": "tool_call", "id": "c1", "name": "a", "args": {}},
    ]


def test_a_message_that_is_said_at_once() -> None:
    calls: Any = [{"name": "a", "args": {"x": 1}, "id": "c1"}]
    whole = AIMessage("Hi", id="m", tool_calls=calls, usage_metadata=USAGE)
    found = [*whole_message(as_json(whole))]
    assert [event.get("content") for event in found if event["event"] == "content-block-finish"] == [
        {"type": "text", "text": "Hi"},
        {"type": "tool_call", "id": "c1", "name": "a", "args": {"x": 1}},
    ]
    assert found[-1] == {"event": "message-finish", "usage": USAGE}


def heard(spoken: Spoken, node: str, id: str, text: str, *, last: bool = False) -> list[Part]:
    chunk = as_json(said(text, id=id, chunk_position="last" if last else None))
    about = {"langgraph_node": node, "langgraph_checkpoint_ns": f"{node}:task-{node}"}
    return [*spoken.heard((), chunk, about)]


def data_of(parts: Sequence[Part]) -> list[dict[str, Any]]:
    return [part.data for part in parts]


def test_two_messages_at_the_same_time_say_whose_they_are() -> None:
    spoken = Spoken(tools=True)
    alone = heard(spoken, "left", "m1", "a")
    assert all("message_id" not in part.data and part.node == "left" for part in alone)
    beside = data_of(heard(spoken, "right", "m2", "b"))
    assert [one.get("run_id") for one in beside] == ["m2"] * 3
    assert [one.get("message_id") for one in beside] == [None, "m2", "m2"]
    assert [one["message_id"] for one in data_of(heard(spoken, "left", "m1", "c"))] == ["m1"]
    assert {one["message_id"] for one in data_of(heard(spoken, "left", "m1", "", last=True))} == {"m1"}
    assert {one["message_id"] for one in data_of(heard(spoken, "right", "m2", "", last=True))} == {"m2"}


def test_what_was_begun_is_ended() -> None:
    spoken = Spoken(tools=True)
    heard(spoken, "left", "m1", "a")
    heard(spoken, "right", "m2", "b")
    ended = data_of([*spoken.task_ended((), {"name": "left", "id": "task-left"})])
    assert [one["event"] for one in ended] == ["content-block-finish", "message-finish"]
    cut = data_of([*spoken.cut_off()])
    assert [(one["event"], one["code"]) for one in cut] == [("error", "cut_off")]
    assert [*spoken.run_ended()] == []


@pytest.mark.parametrize(
    ("message", "tools", "roles"),
    [
        (HumanMessage("hi", id="h"), True, []),
        (AIMessage("hi", id="a"), True, ["ai"]),
        (ToolMessage("done", tool_call_id="c1", id="t"), True, []),  # its tool has told of it
        (ToolMessage("done", tool_call_id="c1", id="t"), False, ["tool"]),
    ],
)
def test_whole_messages(message: Any, tools: bool, roles: list[str]) -> None:
    parts = [*Spoken(tools=tools).heard((), as_json(message), {"langgraph_node": "n"})]
    assert [part.data["role"] for part in parts if part.data["event"] == "message-start"] == roles


IMAGES: list[Any] = [{"type": "image_url", "image_url": {"url": f"https://x/{name}.png"}} for name in "ab"]


def of_chunks(*contents: list[Any]) -> list[dict[str, Any]]:
    message = BlockMessage("m")
    told = [data for content in contents for data in message.add(as_json(said(content, id="m")))]
    return [*told, *message.finish()]


def ids_of(told: Sequence[dict[str, Any]]) -> list[str]:
    return [one["content"]["id"] for one in told if "content" in one]


@pytest.mark.parametrize("kind", [AIMessage, AIMessageChunk])
def test_ids_that_langchain_invents_are_the_same_at_each_reading(kind: type[AIMessage]) -> None:
    def read() -> list[dict[str, Any]]:
        if kind is AIMessage:
            return [*whole_message(as_json(AIMessage(IMAGES, id="m")))]
        return of_chunks(IMAGES)

    assert read() == read()
    assert len({*ids_of(read())}) == 2  # a block has its own, and the same at its start and its end
    other = [*whole_message(as_json(AIMessage(IMAGES, id="other")))]
    assert not {*ids_of(other)} & {*ids_of(read())}


def test_a_block_that_comes_in_parts_keeps_its_id() -> None:
    told = of_chunks(IMAGES[:1], IMAGES)
    assert told == of_chunks(IMAGES[:1], IMAGES)
    assert len({*ids_of(told)}) == 2


def test_ids_that_a_message_was_stored_with_are_kept() -> None:
    own = {"type": "image", "id": "lc_own", "url": "https://x/a.png"}
    told = [*whole_message(as_json(AIMessage([own, IMAGES[1]], id="m")))]
    assert [id == "lc_own" for id in ids_of(told)] == [True, True, False, False]
