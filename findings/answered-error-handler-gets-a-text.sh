#!/bin/sh
# A node's error handler asks a person what to do. When the answer comes it runs again, and its error is no exception.
packages="langgraph==1.2.24"
. "$(dirname "$0")/environment.sh"
"$python" - <<'PYTHON'
from typing import Any, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import NodeError
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt


class State(TypedDict, total=False):
    answer: str


def prints(state: State) -> State:
    raise OSError("no paper")


seen: list[Any] = []


def asks(state: State, error: NodeError) -> State:
    seen.append(error.error)
    return {"answer": interrupt("what now?")}


def decides(state: State, error: NodeError) -> State:
    return {"answer": interrupt("refill?") if isinstance(error.error, OSError) else "not a matter of paper"}


def graph(handler):
    nodes = StateGraph(State).add_node("node", prints, error_handler=handler).add_edge(START, "node")
    return nodes.compile(checkpointer=InMemorySaver())


config = {"configurable": {"thread_id": "t"}}
asking = graph(asks)
asking.invoke({}, config)
assert asking.invoke(Command(resume="refill"), config) == {"answer": "refill"}, "the control has changed"
print("the handler was given:", [f"{type(one).__name__} {one!r}" for one in seen])
assert [type(one) for one in seen] == [OSError, str], "the behaviour has changed"

deciding = graph(decides)
asked = deciding.invoke({}, config)["__interrupt__"][0].value
result = deciding.invoke(Command(resume="yes"), config)
print(f"one that looks at its type: asks {asked!r}, is answered 'yes', and gives {result}")
assert (asked, result) == ("refill?", {"answer": "not a matter of paper"}), "the behaviour has changed"
PYTHON
