#!/bin/sh
# A nested graph has a recursion limit of its own. The run is given, as a number, the limit that it has anyway.
packages="langgraph==1.2.24"
. "$(dirname "$0")/environment.sh"
"$python" - <<'PYTHON'
from typing import TypedDict

from langgraph.errors import GraphRecursionError
from langgraph.graph import END, START, StateGraph


class State(TypedDict):
    steps: int


def step(state: State) -> State:
    return {"steps": state["steps"] + 1}


counting = StateGraph(State).add_node(step).add_edge(START, "step")
counting.add_conditional_edges("step", lambda state: "step" if state["steps"] < 40 else END)
limited = counting.compile().with_config(recursion_limit=5)
graph = StateGraph(State).add_node("limited", limited).add_edge(START, "limited").compile()
endless = StateGraph(State).add_node(step).add_edge(START, "step").add_edge("step", "step").compile()


def outcome(run, **config):
    try:
        return run.invoke({"steps": 0}, config)
    except GraphRecursionError as error:
        return str(error).partition(" without")[0]


# The control: 10007 is what a run has without any.
for config in ({}, {"recursion_limit": 10007}):
    told = outcome(endless, **config)
    print(f"{config!s:28} endless -> {told}")
    assert told == "Recursion limit of 10007 reached", "the control has changed"
without, said = outcome(graph), outcome(graph, recursion_limit=10007)
print(f"{{}}                           nested, limit of 5 -> {without}")
print(f"{{'recursion_limit': 10007}}   nested, limit of 5 -> {said}")
assert without == "Recursion limit of 5 reached", "the control has changed"
assert said == {"steps": 40}, "the behaviour has changed"
PYTHON
