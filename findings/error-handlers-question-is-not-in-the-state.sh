#!/bin/sh
# A node's error handler asks a person. Whoever looks at the thread later finds an error, and no question.
packages="langgraph==1.2.22"
. "$(dirname "$0")/environment.sh"
"$python" - <<'PYTHON'
from typing import TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt


class State(TypedDict, total=False):
    answer: str


def prints(state: State) -> State:
    raise OSError("no paper")


def asks(state: State) -> State:
    return {"answer": interrupt("what now?")}


def started(graph: StateGraph):
    compiled = graph.add_edge(START, "node").compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    return compiled, config, [asked.value for asked in compiled.invoke({}, config)["__interrupt__"]]


node, config, told = started(StateGraph(State).add_node("node", asks))
shown = [asked.value for asked in node.get_state(config).interrupts]
print("a node asks:          told", told, "shown", shown)
assert told == shown == ["what now?"], "the control has changed"

handler, config, told = started(StateGraph(State).add_node("node", prints, error_handler=asks))
state = handler.get_state(config)
print("its handler asks:     told", told, "shown", list(state.interrupts), "error", state.tasks[0].error)
assert told == ["what now?"], "the control has changed"
assert state.interrupts == () and state.tasks[0].interrupts == (), "the behaviour has changed"
assert state.tasks[0].error is not None, "the behaviour has changed"
answered = handler.invoke(Command(resume="refill"), config)
print("and is answered:     ", answered)
assert answered == {"answer": "refill"}, "the behaviour has changed"
PYTHON
