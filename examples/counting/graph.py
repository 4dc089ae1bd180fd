"""The smallest long run: it counts, one number each superstep.

Input: `steps` (how many, 10 if absent), `delay` (seconds each takes, 0 if absent) and `log` (a file that gets the
line `step NUMBER PID` at the end of each superstep). A second run on the same thread counts on.
"""

# LangGraph's builder is only partly typed.
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false

import asyncio
import os
from operator import add
from typing import Annotated, Any, Literal, TypedDict

from langgraph.graph import START, StateGraph


class Counting(TypedDict, total=False):
    """The input, and the numbers so far."""

    steps: int
    """Goes down by one each superstep: how many are left."""
    delay: float
    log: str
    numbers: Annotated[list[int], add]


async def count(state: Counting) -> dict[str, Any]:
    """Append the next number."""
    await asyncio.sleep(state.get("delay", 0))
    number = len(state.get("numbers", [])) + 1
    if log := state.get("log"):
        _append(log, f"step {number} {os.getpid()}\n")
    return {"numbers": [number], "steps": state.get("steps", 10) - 1}


def more(state: Counting) -> Literal["count", "__end__"]:
    """Whether any are left."""
    return "count" if state.get("steps", 10) > 0 else "__end__"


def _append(path: str, line: str) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(line)


builder = StateGraph(Counting)
builder.add_node(count)
builder.add_conditional_edges(START, more)
builder.add_conditional_edges("count", more)
graph = builder.compile(name="counting")
