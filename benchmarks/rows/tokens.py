"""Many agents that speak at the same time: how late a token is at its subscriber, and whether all of them come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import cast

from langchain_core.messages import AIMessageChunk

from ..bench import Bench
from ..figures import BARE, OURS, Goal, Row, milliseconds
from ..graphs import Speech
from ..graphs import tokens as graph
from ..ours import Ours, spec

RATE = 50
"""Tokens a second and run."""


async def measure(bench: Bench) -> list[Row]:
    """Each run through the whole of it: model, LangGraph, worker, bridge, another process.

    Bare LangGraph has its model and its readers in one process, and all runs at once from the first moment on.
    """
    sizes = bench.sizes
    tokens = int(RATE * sizes.token_seconds)
    said = await asyncio.gather(*(delays(bench.ours, tokens) for _ in range(sizes.token_runs)))
    bare = await asyncio.gather(*(_bare_delays(tokens) for _ in range(sizes.token_runs)))
    figure = milliseconds([one for run in said for one in run])
    share = figure.n / (tokens * sizes.token_runs)
    goals = (Goal("all delivered", share, 1.0, at_least=True), Goal("p99 ≤ 50 ms", figure.p99, 50))
    what = f"token from node to subscriber, {sizes.token_runs} runs × {RATE} tokens/s"
    figures = {OURS: figure, BARE: milliseconds([one for run in bare for one in run])}
    return [Row("tokens", what, "ms", figures, goals)]


def _given(tokens: int) -> Speech:
    return Speech(tokens=tokens, interval=1 / RATE, length=0)


async def delays(ours: Ours, tokens: int) -> list[float]:
    """Of each token of one run, seconds from its model to its reader."""
    _, stream = await ours.runs.create_and_stream(spec("tokens", {**_given(tokens)}, stream_modes=("messages",)))
    found: list[float] = []
    async for event in stream:
        if event.event == "messages" and (text := event.data[0]["content"].strip()):
            found.append(time.monotonic() - float(text))
    return found


async def _bare_delays(tokens: int) -> list[float]:
    found: list[float] = []
    stream = graph.astream(_given(tokens), stream_mode="messages")
    async for message, _ in cast("AsyncIterator[tuple[AIMessageChunk, object]]", stream):
        if text := message.text.strip():
            found.append(time.monotonic() - float(text))
    return found
