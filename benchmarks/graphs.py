"""The graphs that are measured."""

import asyncio
import operator
from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph


class Count(TypedDict):
    total: Annotated[int, operator.add]
    steps: int
    delay: float


async def work(state: Count) -> dict[str, int]:
    await asyncio.sleep(state["delay"])
    return {"total": 1}


def on(state: Count) -> str:
    return END if state["total"] >= state["steps"] else "work"


graph = StateGraph(Count)
graph.add_node("work", work)
graph.add_edge(START, "work")
graph.add_conditional_edges("work", on, ["work", END])
