"""A graph that notes when it is in its thread's lane: two runs that are in it at the same time have overlapped.

The run's `configurable` says where (`lane`, a file for each thread) and how slow it is (`pace`, seconds of a node).
"""

from __future__ import annotations

import asyncio
import operator
import os
import time
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph


class Lane(TypedDict):
    log: Annotated[list[str], operator.add]


NODES = ("first", "tool", "walk", "last")
"""In their order. The tool is synchronous: cancelled, it stays behind in its thread, and may leave late."""


def _note(config: RunnableConfig, node: str, what: str) -> str:
    run_id = config.get("metadata", {})["perdure_run_id"]
    file = os.open(config.get("configurable", {})["lane"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(file, f"{run_id} {node} {what}\n".encode())
    finally:
        os.close(file)
    return f"{run_id} {node}"


def _walking(node: str) -> Callable[..., Any]:
    async def walk(state: Lane, config: RunnableConfig) -> Lane:
        entry = _note(config, node, "enters")
        try:
            await asyncio.sleep(config.get("configurable", {})["pace"])
        finally:
            _note(config, node, "leaves")
        return {"log": [entry]}

    return walk


def _tool(state: Lane, config: RunnableConfig) -> Lane:
    entry = _note(config, "tool", "enters")
    time.sleep(3 * config.get("configurable", {})["pace"])
    _note(config, "tool", "leaves")
    return {"log": [entry]}


def build() -> StateGraph[Lane]:
    lane = StateGraph(Lane)
    for before, node in zip((START, *NODES), NODES, strict=False):
        lane.add_node(node, _tool if node == "tool" else _walking(node))
        lane.add_edge(before, node)
    return lane


graph = build()
