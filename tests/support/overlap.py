"""A graph that notes which runs go through it, and sees when two of the same thread are in it at the same time."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import groupby
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph

from .graphs import Shelf

NODES = ("first", "second", "third")


class Overlap:
    """What has happened in the graph, in this process.

    A run's `configurable` says how slow it is: `pace`, the seconds of a node, and `cleanup`, those that a node takes
    to leave, also when it was cancelled, unless it is let go.
    """

    def __init__(self) -> None:
        self._steps: dict[str, list[tuple[str, str]]] = {}
        self._inside: dict[str, str] = {}
        self._leaving: set[str] = set()
        self.let_go = asyncio.Event()
        self._met: list[str] = []

    def graph(self, *nodes: str) -> StateGraph[Shelf]:
        """Each node (of `NODES`, unless others are named) adds `run_id node` to the thread's log."""
        graph, nodes = StateGraph(Shelf), nodes or NODES
        for before, node in zip((START, *nodes), nodes, strict=False):
            graph.add_node(node, self._node(node))
            graph.add_edge(before, node)
        return graph

    def _node(self, name: str) -> Any:
        async def walk(state: Shelf, config: RunnableConfig) -> dict[str, Any]:
            run_id, place = config.get("metadata", {})["perdure_run_id"], config.get("configurable", {})
            thread_id = place["thread_id"]
            if other := self._inside.get(thread_id):
                self._met.append(f"{run_id} came to {name} while {other} was inside")
            self._inside[thread_id] = run_id
            self._steps.setdefault(thread_id, []).append((run_id, name))
            try:
                await asyncio.sleep(place.get("pace", 0.001))
            finally:
                await self._leave(thread_id, place.get("cleanup", 0.005))
            return {"log": [entry(run_id, name)]}

        return walk

    async def _leave(self, thread_id: str, cleanup: float) -> None:
        self._leaving.add(thread_id)
        try:
            async with asyncio.timeout(cleanup):
                await self.let_go.wait()
        except TimeoutError:
            return
        finally:
            self._leaving.discard(thread_id)
            self._inside.pop(thread_id, None)

    def leaving(self, thread_id: str) -> bool:
        """Whether a node cleans up."""
        return thread_id in self._leaving

    def inside(self, thread_id: str) -> str | None:
        """The run that is in a node."""
        return self._inside.get(thread_id)

    def order(self, thread_id: str) -> list[str]:
        """The runs of a thread, as they came to execute."""
        return [run_id for run_id, _ in groupby(self._steps.get(thread_id, []), lambda step: step[0])]

    def violations(self, thread_id: str) -> list[str]:
        """Runs that met inside, came back after another one, or executed a node twice. Empty when all is well."""
        again = [run_id for run_id, times in Counter(self.order(thread_id)).items() if times > 1]
        twice = [step for step, times in Counter(self._steps.get(thread_id, [])).items() if times > 1]
        found = [f"{run_id} came back after another run" for run_id in again]
        return [*self._met, *found, *(f"{run_id} executed {node} twice" for run_id, node in twice)]


def entry(run_id: str, node: str) -> str:
    """What a node of a run leaves in the log."""
    return f"{run_id} {node}"


def in_full(*run_ids: str) -> list[str]:
    """The log that runs leave when each goes through the whole graph, one after the other."""
    return [entry(run_id, node) for run_id in run_ids for node in NODES]
