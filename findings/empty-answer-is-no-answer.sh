#!/bin/sh
# A person answers a question with an empty form, {}: it is asked again. Empty lists and texts are answers.
packages="langgraph==1.2.22"
. "$(dirname "$0")/environment.sh"
"$python" - <<'PYTHON'
from typing import Any, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt


class State(TypedDict, total=False):
    answer: Any


def ask(state: State) -> State:
    return {"answer": interrupt("which filters?")}


graph = StateGraph(State).add_node(ask).add_edge(START, "ask").compile(checkpointer=InMemorySaver())


def answered(answer: Any) -> dict[str, Any]:
    config = {"configurable": {"thread_id": repr(answer)}}
    graph.invoke({}, config)
    return graph.invoke(Command(resume=answer), config)


for answer in ("", [], {"color": "red"}):
    result = answered(answer)
    print(f"{answer!r:18} -> {result}")
    assert result == {"answer": answer}, "the control has changed"
again = answered({})
print(f"{{}}                 -> {again}")
assert [asked.value for asked in again["__interrupt__"]] == ["which filters?"], "the behaviour has changed"
by_id = {"configurable": {"thread_id": "by id"}}
question = graph.invoke({}, by_id)["__interrupt__"][0]
assert graph.invoke(Command(resume={question.id: {}}), by_id) == {"answer": {}}, "the way around has changed"
PYTHON
