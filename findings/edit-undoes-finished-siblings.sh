#!/bin/sh
# Of two parallel nodes one has failed. Editing another key before the retry undoes, and repeats, the finished one.
packages="langgraph==1.2.22"
. "$(dirname "$0")/environment.sh"
"$python" - <<'PYTHON'
import operator
from typing import Annotated, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph


class State(TypedDict, total=False):
    done: Annotated[list[str], operator.add]
    note: str


def retried(*, edited: bool) -> tuple[list[str], int]:
    """What the state shows before the retry, and how often the payment was made after it."""
    payments = failures = 0

    def pay(state: State) -> State:
        nonlocal payments
        payments += 1
        return {"done": ["paid"]}

    def print_receipt(state: State) -> State:
        nonlocal failures
        failures += 1
        if failures == 1:
            raise OSError("no paper")
        return {"done": ["printed"]}

    graph = StateGraph(State).add_node("pay", pay).add_node("print", print_receipt)
    app = graph.add_edge(START, "pay").add_edge(START, "print").compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    try:
        app.invoke({"done": []}, config)
    except OSError:
        pass
    assert app.get_state(config).values["done"] == ["paid"], "the control has changed"
    assert app.get_state(config).next == ("print",), "the control has changed"
    if edited:
        app.update_state(config, {"note": "paper was refilled"})
    shown = app.get_state(config).values["done"]
    assert sorted(app.invoke(None, config)["done"]) == ["paid", "printed"], "the control has changed"
    return shown, payments


for edited in (False, True):
    shown, payments = retried(edited=edited)
    print(f"edited: {edited!s:5}  done before the retry: {shown}  payments: {payments}")
    assert (shown, payments) == (([], 2) if edited else (["paid"], 1)), "the behaviour has changed"
PYTHON
