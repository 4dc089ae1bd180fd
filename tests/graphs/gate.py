"""A graph that stands before a gate, a file that a test makes, and then says and does more.

The run's `configurable` says where the `gate` is, and where its work is noted (`effects`, a file).
"""

from __future__ import annotations

import asyncio
import operator
import os
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.config import get_stream_writer
from langgraph.graph import START, StateGraph


class State(TypedDict):
    log: Annotated[list[str], operator.add]


def _note(config: RunnableConfig, line: str) -> None:
    file = os.open(config.get("configurable", {})["effects"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(file, f"{os.getpid()} {line}\n".encode())
    finally:
        os.close(file)


async def wait(state: State, config: RunnableConfig) -> dict[str, Any]:
    gate = Path(config.get("configurable", {})["gate"])
    get_stream_writer()({"pid": os.getpid(), "said": "before"})
    _note(config, "waits")
    try:
        while not gate.exists():  # noqa: ASYNC110, ASYNC240 - the test opens it from another process
            await asyncio.sleep(0.02)
    except asyncio.CancelledError:
        _note(config, "cut")
        raise
    get_stream_writer()({"pid": os.getpid(), "said": "behind"})
    _note(config, "passes")
    return {"log": ["wait"]}


async def after(state: State, config: RunnableConfig) -> dict[str, Any]:
    _note(config, "after")
    return {"log": ["after"]}


def build() -> StateGraph[State]:
    gate = StateGraph(State)
    gate.add_node("wait", wait)
    gate.add_node("after", after)
    gate.add_edge(START, "wait")
    gate.add_edge("wait", "after")
    return gate


graph = build()
