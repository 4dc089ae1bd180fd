#!/bin/sh
# Two calls of one graph, in one run, with a thread of its own: the second is not executed.
packages="langgraph==1.2.22"
. "$(dirname "$0")/environment.sh"
"$python" - <<'PYTHON'
from typing import TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph


class Chat(TypedDict, total=False):
    question: str
    answer: str


class Desk(TypedDict, total=False):
    first: str
    second: str


def answers(state: Chat) -> Chat:
    return {"answer": "answer to " + state["question"]}


# A graph that remembers: it has a saver and a thread of its own, whoever calls it.
expert = StateGraph(Chat).add_node(answers).add_edge(START, "answers").compile(checkpointer=InMemorySaver())


def ask(question: str, thread: str) -> str:
    return expert.invoke({"question": question}, {"configurable": {"thread_id": thread}})["answer"]


def desk(thread: str):
    graph = StateGraph(Desk)
    graph.add_node("one", lambda state: {"first": ask("q1", thread)})
    graph.add_node("two", lambda state: {"second": ask("q2", thread)})
    return graph.add_edge(START, "one").add_edge("one", "two").compile()


plain = desk("a").invoke({}, {"metadata": {"user": "u"}})
named = desk("b").invoke({}, {"metadata": {"run_id": "r"}})
print("metadata without run_id:", plain)
print("metadata with run_id:   ", named)
assert plain == {"first": "answer to q1", "second": "answer to q2"}, "the control has changed"
assert named == {"first": "answer to q1", "second": "answer to q1"}, "the behaviour has changed"
PYTHON
