"""What a human said, in whatever form an input may have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from pydantic import BaseModel

from perdure.activities.run_events.human import human_message


@dataclass
class State:
    messages: list[Any]


class Model(BaseModel):
    messages: list[Any]


BLOCKS: list[str | dict[str, Any]] = [{"type": "text", "text": "why?"}, {"type": "image_url", "image_url": "data:…"}]


@pytest.mark.parametrize(
    "given",
    [
        "why?",
        {"messages": "why?"},
        {"messages": [("user", "why?")]},
        {"messages": [["human", "why?"]]},
        {"messages": [{"role": "user", "content": "why?"}]},
        {"messages": [{"type": "human", "content": "why?"}]},
        {"messages": HumanMessage("why?")},
        {"messages": [HumanMessage("first"), AIMessage("so"), HumanMessage("why?"), AIMessage("then")]},
        [SystemMessage("be brief"), HumanMessage("why?")],
        State([HumanMessage("why?")]),
        Model(messages=[HumanMessage("why?")]),
    ],
    ids=repr,
)
def test_the_newest_human_message(given: Any) -> None:
    assert human_message(given) == "why?"


def test_content_of_several_parts_stays_as_it_is() -> None:
    assert human_message({"messages": [HumanMessage(BLOCKS)]}) == BLOCKS


@pytest.mark.parametrize(
    "given",
    [
        None,
        5,
        b"why?",
        {},
        [],
        {"topic": "bees"},
        {"messages": []},
        {"messages": [AIMessage("so")]},
        {"messages": [5, None, {"content": "of nobody"}, {"role": "alien", "content": "why?"}]},
        {"messages": {"a": 1}},
        pytest.param(object(), id="object"),
    ],
    ids=repr,
)
def test_an_input_without_one(given: Any) -> None:
    assert human_message(given) is None
