#!/bin/sh
# A node asks twice. The answer to the first question, by its id, comes twice: it answers the second one, whose id is other.
packages="langgraph==1.2.24"
. "$(dirname "$0")/environment.sh"
"$python" - <<'PYTHON'
from typing import Any, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt


class State(TypedDict, total=False):
    draft: Any
    archive: Any


def in_one_node(state: State) -> State:
    return {"draft": interrupt("delete the draft?"), "archive": interrupt("delete the archive?")}


def first(state: State) -> State:
    return {"draft": interrupt("delete the draft?")}


def second(state: State) -> State:
    return {"archive": interrupt("delete the archive?")}


def answered_twice(builder: StateGraph) -> tuple[list[str], dict[str, Any]]:
    graph = builder.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    draft = graph.invoke({}, config)["__interrupt__"][0]
    archive = graph.invoke(Command(resume={draft.id: "yes"}), config)["__interrupt__"][0]
    assert archive.value == "delete the archive?"
    assert archive.id != draft.id, "the ids have changed"
    again = graph.invoke(Command(resume={draft.id: "yes"}), config)
    return [asked.value for asked in again.get("__interrupt__", [])], again


two_nodes = StateGraph(State).add_node(first).add_node(second)
asked, state = answered_twice(two_nodes.add_edge(START, "first").add_edge("first", "second"))
print(f"of two nodes  -> asks {asked}")
assert asked == ["delete the archive?"], "the control has changed"
asked, state = answered_twice(StateGraph(State).add_node(in_one_node).add_edge(START, "in_one_node"))
print(f"of one node   -> asks {asked}, {state}")
assert (asked, state) == ([], {"draft": "yes", "archive": "yes"}), "the behaviour has changed"
PYTHON
