"""LangGraph alone, in this process, with the SQLite saver that our worker uses: the limit."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from ..figures import BARE
from ..graphs import Count, counting
from ..ours import RECURSION_LIMIT
from ..systems import Moments, Stopwatch


class Bare:
    """Durable like ours: each superstep is saved before the next one starts."""

    name = BARE
    streams = True
    pids: Mapping[str, int] = MappingProxyType({"process": os.getpid()})

    def __init__(self, saver: BaseCheckpointSaver[str]) -> None:
        self._graph = counting().compile(checkpointer=saver)

    async def follow(self, steps: int, delay: float = 0.0) -> Moments:
        watch = Stopwatch()
        thread = {"thread_id": str(uuid.uuid4())}
        config = RunnableConfig(configurable=thread, recursion_limit=RECURSION_LIMIT)
        given = Count(total=0, steps=steps, delay=delay)
        async for _ in self._graph.astream(given, config, stream_mode="values", durability="sync"):
            watch.tick()
        return watch.moments


@asynccontextmanager
async def bare(home: Path) -> AsyncGenerator[Bare]:
    """With a file of its own in `home`."""
    async with AsyncSqliteSaver.from_conn_string(str(home / "bare.db")) as saver:
        yield Bare(saver)
